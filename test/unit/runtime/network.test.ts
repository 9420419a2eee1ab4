import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinkTable } from "../../../local/runtime/links";
import type { Link } from "../../../local/runtime/port";
import { linkViews, type Node } from "../../../local/runtime/views";
import { spec } from "./helpers";

const IDS = ["a", "b", "c", "d"];
const addressOf = (id: string): string => `127.64.0.${IDS.indexOf(id) + 1}`;
const NETWORKS = ["x", "y", "z"];

const id = fc.constantFrom(...IDS);
const link: fc.Arbitrary<Link> = fc.oneof(
  fc.constant<Link>({ kind: "open" }), fc.constant<Link>({ kind: "cut" }), fc.integer({ min: 0, max: 100 }).map((delayMs): Link => ({ kind: "slow", delayMs })),
);
const change = fc.record({ from: id, to: id, link }).filter(({ from, to }) => from !== to);
/** Networks that a container is on, and those it has left. */
const membership = fc.record({ now: fc.subarray(NETWORKS), before: fc.subarray(NETWORKS) });

describe("the link table", () => {
  it("remembers the last that was set, in each direction on its own, and lists what isn't open", () => {
    fc.assert(fc.property(fc.array(change), (changes) => {
      const table = new LinkTable();
      const model = new Map<string, Link>();
      for (const one of changes) {
        table.set(one);
        model.set(`${one.from}>${one.to}`, one.link.kind === "slow" && one.link.delayMs === 0 ? { kind: "open" } : one.link);
      }
      for (const from of IDS) for (const to of IDS) expect(table.get(from, to)).toEqual(model.get(`${from}>${to}`) ?? { kind: "open" });
      expect(new Set(table.list().map(({ from, to }) => `${from}>${to}`))).toEqual(new Set([...model].filter(([, { kind }]) => kind !== "open").map(([key]) => key)));
      expect(new LinkTable(table.list()).list()).toEqual(table.list());
    }));
  });

  it("forgets a container in both directions and nothing else", () => {
    fc.assert(fc.property(fc.array(change), id, (changes, gone) => {
      const table = new LinkTable(changes);
      const kept = table.list().filter(({ from, to }) => from !== gone && to !== gone);
      const had = table.list().length > kept.length;
      expect(table.forget(gone)).toBe(had);
      expect(table.list()).toEqual(kept);
    }));
  });
});

describe("what containers are told of their links", () => {
  it("agrees on both sides, and says cut exactly where two have parted or were cut", () => {
    fc.assert(fc.property(fc.array(change), fc.tuple(membership, membership, membership, membership), (changes, memberships) => {
      const table = new LinkTable(changes);
      const nodes: Node[] = IDS.map((name, index) => {
        const { now = [], before = [] } = memberships[index] ?? {};
        return { spec: spec(name), address: addressOf(name), running: true, networks: now.map((network) => ({ name: network, aliases: [] })), joined: new Set([...now, ...before]) };
      });
      const views = linkViews(nodes, table.list());
      for (const [i, from] of nodes.entries()) {
        for (const [j, to] of nodes.entries()) {
          if (i === j) continue;
          const sent = views.get(from.spec.id)?.[to.address]?.out;
          expect(views.get(to.spec.id)?.[from.address]?.in).toEqual(sent);
          const share = from.networks.some(({ name }) => to.networks.some((other) => other.name === name));
          const met = [...from.joined].some((name) => to.joined.has(name));
          const set = table.get(from.spec.id, to.spec.id);
          expect(sent ?? { kind: "open" }).toEqual(!share && met ? { kind: "cut" } : set);
        }
      }
    }));
  });
});
