/**
 * The exchange of changes between two controllers: each tells the other what changed in its log after what the other has.
 *
 * What a node has of another's log is known to itself alone and told in every message, never guessed by the other: a node that
 * was restarted or lost its volume says that it has nothing, and gets everything. A message claims a part of the log,
 * `(after, through]`; the listener merges it whatever it is, and moves its position only if the part joins on to what it
 * has. So messages may be lost, doubled and late. Equal digests tell both that each has all of the other's log.
 */
import { RECORDS_PER_MESSAGE, type Cursor } from "../contract/nodeApi";
import type { AntiEntropy } from "./antiEntropy";
import type { Contact } from "./membership";
import { GOSSIP_PATH, gossipReplySchema, MAX_PEERS, type GossipMessage, type GossipReply } from "./messages";
import type { Peering, Tally } from "./peering";

/** Most messages of one exchange: a hundred million changes, or a peer that goes round in circles. */
const MAX_MESSAGES = 200_000;

/** How two logs stand to each other. */
interface Link {
  /** How far this node has the peer's log. */
  have: Cursor | null;
  /** How far the peer has this node's log, by its own word; undefined until it has said so. */
  theirs: number | undefined;
  /** The peer has all of this node's log up to here, and is to be told so. */
  claim: number | undefined;
}

export class Exchange {
  readonly #peering: Peering;
  readonly #antiEntropy: AntiEntropy;
  readonly #links = new Map<string, Link>();

  constructor(peering: Peering, antiEntropy: AntiEntropy) {
    this.#peering = peering;
    this.#antiEntropy = antiEntropy;
  }

  /** Whether a controller hasn't confirmed all that this node has. */
  isBehind(id: string): boolean {
    return (this.#links.get(id)?.theirs ?? -1) < this.#peering.store.head.seq;
  }

  /** Exchanges until neither has anything new for the other. */
  async run(to: Contact, tally: Tally): Promise<void> {
    let contact = to;
    let compared = false;
    for (let count = 0; count < MAX_MESSAGES; count += 1) {
      const message = this.#message(contact.id);
      const answer = await this.#peering.ask(contact, GOSSIP_PATH, message, gossipReplySchema);
      if (answer === undefined) return;
      const { reply } = answer;
      const before = this.#link(reply.id).have;
      this.#peering.learn(reply.peers, answer.roundTripMs);
      const link = this.#absorb(reply);
      tally.sent += message.part.records.length;
      tally.received += reply.part.records.length;
      contact = { ...contact, id: reply.id };
      const confirmed = link.theirs ?? 0;
      if (confirmed >= message.head.seq && !reply.part.more) return;
      if (!compared && isLongWay(message.head.seq - confirmed, reply, link)) {
        compared = true;
        await this.#catchUp(contact, link, message.head, reply.head, tally);
      } else if (confirmed === message.part.after && isSame(before, link.have)) {
        throw new Error("the exchange makes no progress: the controller confirms nothing that it is sent");
      }
    }
    throw new Error("the exchange comes to no end");
  }

  /** The answer to a message that was checked. */
  answer(message: GossipMessage): GossipReply {
    this.#peering.learn(message.peers, 0);
    this.#absorb(message);
    return this.#message(message.id);
  }

  /** After a long separation most records are the same: comparing finds the few that aren't, and the logs need not be read from their beginning. */
  async #catchUp(contact: Contact, link: Link, own: Cursor, peers: Cursor, tally: Tally): Promise<void> {
    const complete = await this.#antiEntropy.compare(contact, tally, peers.epoch);
    if (!complete) return;
    link.have = furthest(link.have, peers);
    link.claim = own.seq;
  }

  /** Takes in a message or a reply. */
  #absorb(message: GossipMessage | GossipReply): Link {
    const { part, head, have } = message;
    const { store } = this.#peering;
    if (part.records.length > 0) this.#peering.merge(part.records, message);
    const link = this.#link(message.id);
    const own = store.head;
    // A part leaves out what came from this node's log: of the log before its volume was lost, if the sender doesn't know better.
    const meant = have === null || have.epoch === own.epoch;
    const joins = meant && part.after !== null && part.after <= (link.have?.epoch === head.epoch ? link.have.seq : 0);
    const equal = message.digest === store.digest();
    if (equal) link.have = furthest(link.have, head);
    else if (joins) link.have = furthest(link.have, { epoch: head.epoch, seq: part.through });
    else if (link.have?.epoch !== head.epoch) link.have = null;
    if (equal) link.theirs = own.seq;
    else link.theirs = have?.epoch === own.epoch ? have.seq : 0;
    return link;
  }

  /** What this node has to say to a peer; to one that it doesn't know yet only a greeting, because what it has isn't known. */
  #message(id: string | undefined): GossipMessage {
    const link = id === undefined ? undefined : this.#links.get(id);
    return { ...this.#peering.speaker(), peers: this.#peering.peers(), have: link?.have ?? null, part: this.#part(link) };
  }

  #part(link: Link | undefined): GossipMessage["part"] {
    if (link?.theirs === undefined) return { after: null, through: 0, records: [], more: this.#peering.store.head.seq > 0 };
    if (link.claim !== undefined) {
      const through = link.claim;
      link.claim = undefined;
      return { after: 0, through, records: [], more: through < this.#peering.store.head.seq };
    }
    const { records, through, more } = this.#peering.store.changesAfter(link.theirs, link.have?.epoch);
    return { after: link.theirs, through, records: [...records], more };
  }

  #link(id: string): Link {
    const held = this.#links.get(id);
    if (held !== undefined) return held;
    for (const oldest of this.#links.keys()) {
      if (this.#links.size < MAX_PEERS) break;
      this.#links.delete(oldest);
    }
    const link: Link = { have: null, theirs: undefined, claim: undefined };
    this.#links.set(id, link);
    return link;
  }
}

/** Whether more than a page is missing on either side. */
function isLongWay(toSend: number, reply: GossipReply, { have }: Link): boolean {
  const toGet = reply.head.seq - (have?.epoch === reply.head.epoch ? have.seq : 0);
  return Math.max(toSend, toGet) > RECORDS_PER_MESSAGE;
}

function furthest(held: Cursor | null, other: Cursor): Cursor {
  return held?.epoch === other.epoch && held.seq > other.seq ? held : other;
}

function isSame(a: Cursor | null, b: Cursor | null): boolean {
  return a?.epoch === b?.epoch && a?.seq === b?.seq;
}
