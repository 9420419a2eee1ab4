/**
 * Anti-entropy: two controllers compare digests of groups of names, then the names of the groups that differ, and exchange
 * the records that differ. It needs no memory of what was sent before, so it finds whatever went lost, for whatever reason.
 */
import { RECORDS_PER_MESSAGE } from "../contract/nodeApi";
import type { FileRecord } from "../contract/record";
import type { Contact } from "./membership";
import { ANTI_ENTROPY_PATH, antiEntropyReplySchema, MAX_NAMES, PAGE_CHARACTERS, type AntiEntropyMessage, type AntiEntropyReply, type Place } from "./messages";
import type { Peering, Speaker, Tally } from "./peering";

type NamesMessage = Extract<AntiEntropyMessage, { kind: "names" }>;
type Reply<Kind extends AntiEntropyReply["kind"]> = Extract<AntiEntropyReply, { kind: Kind }>;
/** A message without its speaker. */
type Question = AntiEntropyMessage extends infer Message ? (Message extends AntiEntropyMessage ? Omit<Message, keyof Speaker> : never) : never;

/** The controller that answers is another one than at the beginning, or this node itself. */
class Interrupted extends Error {}

export class AntiEntropy {
  readonly #peering: Peering;

  constructor(peering: Peering) {
    this.#peering = peering;
  }

  /**
   * Compares with a controller and exchanges what differs.
   * @param epoch of the log that the controller must have throughout; by default the one that it has at first
   * @returns false when the node answered itself, or the controller was restarted meanwhile: then nothing is known
   */
  async compare(contact: Contact, tally: Tally, epoch?: string): Promise<boolean> {
    const conversation = new Conversation(this.#peering, contact, epoch);
    try {
      const { differing } = await conversation.ask("digests", { kind: "digests", buckets: this.#peering.store.bucketDigests() });
      if (differing.length === 0) return true;
      tally.differed = true;
      for (let after: Place | null | undefined = null; after !== undefined; ) after = await this.#comparePage(conversation, differing, after, tally);
      return true;
    } catch (error) {
      if (error instanceof Interrupted) return false;
      throw error;
    }
  }

  answer(message: AntiEntropyMessage): AntiEntropyReply {
    const { store } = this.#peering;
    switch (message.kind) {
      case "digests": {
        const own = store.bucketDigests();
        const differing = own.flatMap((digest, bucket) => (digest === message.buckets[bucket] ? [] : [bucket]));
        return { ...this.#peering.speaker(), kind: "digests", differing };
      }
      case "names":
        return { ...this.#peering.speaker(), kind: "names", ...this.#differences(message) };
      case "records": {
        const changed = this.#peering.merge(message.records, message).changed.length;
        return { ...this.#peering.speaker(), kind: "records", changed };
      }
    }
  }

  /** Compares one page of names. Returns where the next one begins, or undefined after the last. */
  async #comparePage(conversation: Conversation, buckets: readonly number[], after: Place | null, tally: Tally): Promise<Place | undefined> {
    const { store } = this.#peering;
    const own = store.names({ buckets, after, limit: MAX_NAMES });
    const last = own.length < MAX_NAMES ? undefined : own.at(-1);
    const until = last ? { bucket: last.bucket, name: last.name } : null;
    const names = own.map(({ name, hash }) => ({ name, hash }));
    const reply = await conversation.ask("names", { kind: "names", buckets: [...buckets], after, until, names });
    if (reply.records.length > 0) this.#peering.merge(reply.records, reply);
    tally.received += reply.records.length;
    for (const records of this.#pages(reply.wanted)) {
      await conversation.ask("records", { kind: "records", records });
      tally.sent += records.length;
    }
    if (reply.until !== null && !isAfter(reply.until, after)) throw new Error("the comparison makes no progress: the controller goes back in the order of names");
    return reply.until ?? until ?? undefined;
  }

  /** What the asking controller lacks, and what this one does. */
  #differences({ buckets, after, until, names }: NamesMessage): Pick<Reply<"names">, "records" | "wanted" | "until"> {
    const { store } = this.#peering;
    const theirs = new Map(names.map(({ name, hash }) => [name, hash]));
    const wanted = names.filter(({ name, hash }) => store.hashOf(name) !== hash).map(({ name }) => name);
    const own = store.names({ buckets, after, until, limit: MAX_NAMES });
    const full = own.length === MAX_NAMES;
    const records: FileRecord[] = [];
    let characters = 0;
    let done: Place | null = null;
    for (const { bucket, name, hash } of own) {
      if (theirs.get(name) !== hash) {
        const record = store.get(name);
        const length = record === undefined ? 0 : JSON.stringify(record).length;
        const isFull = records.length >= RECORDS_PER_MESSAGE || characters + length > PAGE_CHARACTERS;
        if (isFull && records.length > 0) return { records, wanted, until: done };
        if (record) records.push(record);
        characters += length;
      }
      done = { bucket, name };
    }
    return { records, wanted, until: full ? done : null };
  }

  /** The records of the names, as they are now, in pages. */
  *#pages(names: readonly string[]): Generator<FileRecord[]> {
    let page: FileRecord[] = [];
    let characters = 0;
    for (const name of names) {
      const record = this.#peering.store.get(name);
      if (record === undefined) continue;
      const length = JSON.stringify(record).length;
      if (page.length > 0 && (page.length >= RECORDS_PER_MESSAGE || characters + length > PAGE_CHARACTERS)) {
        yield page;
        page = [];
        characters = 0;
      }
      page.push(record);
      characters += length;
    }
    if (page.length > 0) yield page;
  }
}

/** Questions to one controller in one life of its. */
class Conversation {
  #epoch: string | undefined;

  constructor(private readonly peering: Peering, private readonly contact: Contact, epoch: string | undefined) {
    this.#epoch = epoch;
  }

  /** @throws {Interrupted} when the one that answers isn't the one that it was */
  async ask<Kind extends AntiEntropyReply["kind"]>(kind: Kind, question: Question): Promise<Reply<Kind>> {
    const answer = await this.peering.ask(this.contact, ANTI_ENTROPY_PATH, { ...this.peering.speaker(), ...question }, antiEntropyReplySchema);
    if (answer === undefined) throw new Interrupted();
    const { reply } = answer;
    this.#epoch ??= reply.head.epoch;
    if (reply.head.epoch !== this.#epoch) throw new Interrupted();
    if (!isKind(reply, kind)) throw new Error(`controller answers something else than it was asked; got ${reply.kind}; expected ${kind}`);
    return reply;
  }
}

/** The database's order: bucket, then the bytes of the name. */
function isAfter(a: Place, b: Place | null): boolean {
  return b === null || a.bucket > b.bucket || (a.bucket === b.bucket && Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) > 0);
}

function isKind<Kind extends AntiEntropyReply["kind"]>(reply: AntiEntropyReply, kind: Kind): reply is Reply<Kind> {
  return reply.kind === kind;
}
