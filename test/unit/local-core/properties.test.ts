import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Properties, PropertyValue } from "../../../local/model";
import { diffInputs } from "../../../providers/wire/diff";
import { DEFAULTS_KEY, marshal, pathText, redactor, structOf, unmarshal, UNKNOWN, wireOf, type Path, type WireProperties } from "../../../providers/wire/properties";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secret = (value: WireProperties[string]) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });

const key = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => text !== "__proto__" && text !== DEFAULTS_KEY && text !== "kind");
const plain: fc.Arbitrary<Properties> = fc.letrec<{ value: PropertyValue; map: Properties }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.boolean(), fc.integer(), fc.string(), fc.array(tie("value"), { maxLength: 3 }), tie("map")),
  map: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
})).map;

/** Every path of a value, except the root. */
function pathsOf(value: PropertyValue, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return (Array.isArray(value) ? [...value.entries()] : Object.entries(value)).flatMap(([step, item]) => [[...at, step], ...pathsOf(item as PropertyValue, [...at, step])]);
}

describe("the wire form", () => {
  it("gives plain values back as they were", () => {
    fc.assert(fc.property(plain, (properties) => {
      expect(unmarshal(wireOf(structOf(marshal(properties)))).properties).toEqual(properties);
    }));
  });

  it("marks every secret again, however many there are", () => {
    fc.assert(fc.property(plain.filter((properties) => pathsOf(properties).length > 0), fc.infiniteStream(fc.boolean()), (properties, coin) => {
      const secrets = pathsOf(properties).filter(() => coin.next().value);
      const back = unmarshal(wireOf(structOf(marshal(properties, secrets))));
      expect(back.properties).toEqual(properties);
      expect(new Set(back.secrets.map(pathText))).toEqual(new Set(secrets.map(pathText)));
    }));
  });

  it("hides the nearest value that is left when a secret one is gone", () => {
    expect(marshal({ a: { b: 1 }, c: 2 }, [["a", "x", "y"]])).toEqual({ a: secret({ b: 1 }), c: 2 });
  });

  it("leaves unknowns out, or keeps their sign for comparisons", () => {
    const wire = { a: UNKNOWN, b: [1, "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"], c: secret(UNKNOWN) };
    expect(unmarshal(wire)).toEqual({ properties: { b: [1] }, unknowns: [["a"], ["b", 1], ["c"]], secrets: [["c"]] });
    expect(unmarshal(wire, true).properties).toEqual({ a: UNKNOWN, b: [1, UNKNOWN], c: UNKNOWN });
  });

  it("takes output values and resource references for what they stand for, and nulls for nothing", () => {
    const wire = {
      known: { [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4", value: 5, secret: true },
      unknown: { [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4" },
      reference: { [SIGNATURE]: "5cf8f73096256a8f31e491e813e4eb8e", urn: "urn:pulumi:s::p::t::n", id: "vpc-1" },
      nothing: null, [DEFAULTS_KEY]: ["name"],
    };
    expect(unmarshal(wire)).toEqual({ properties: { known: 5, reference: "vpc-1" }, secrets: [["known"]], unknowns: [["unknown"]] });
  });

  it("carries assets and archives both ways", () => {
    const ASSET = "c44067f5952c0a294b673a41bacd8c17";
    const wire = { code: { [SIGNATURE]: "0def7320c3a5731c473e5ecbe6d01bc7", hash: "h", assets: { "index.js": { [SIGNATURE]: ASSET, hash: "i", text: "x" } } }, file: { [SIGNATURE]: ASSET, hash: "j", path: "/a" } };
    const { properties } = unmarshal(wire);
    expect(properties).toEqual({ code: { kind: "archive", hash: "h", assets: { "index.js": { kind: "asset", hash: "i", text: "x" } } }, file: { kind: "asset", hash: "j", path: "/a" } });
    expect(marshal(properties)).toEqual(wire);
  });

  it("refuses what it does not know", () => {
    expect(() => unmarshal({ a: { b: { [SIGNATURE]: "0000" } } })).toThrow("a.b: unknown kind of property value");
  });

  it("takes secrets out of texts", () => {
    const inputs = unmarshal({ password: secret("hunter2"), nested: secret({ token: "t0k3n" }), short: secret("ab") });
    expect(redactor(inputs)("hunter2 and t0k3n and ab")).toBe("[secret] and [secret] and ab");
  });
});

describe("the difference of inputs", () => {
  it("is nothing between equal inputs", () => {
    fc.assert(fc.property(plain, (properties) => {
      expect(diffInputs(properties, structuredClone(properties), [])).toEqual([]);
    }));
  });

  it("is something between different ones, and names no property that is the same", () => {
    fc.assert(fc.property(plain, plain, (olds, news) => {
      const changes = diffInputs(olds, news, []);
      const top = (path: Path) => pathText(path.slice(0, 1));
      const changed = new Set(changes.map(({ path }) => path));
      const wanted = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((name) => JSON.stringify(olds[name]) !== JSON.stringify(news[name]));
      // Key order is no difference to the engine; JSON text is only the cheap first look.
      for (const name of wanted) if (!sameValue(olds[name], news[name])) expect([...changed].some((path) => path.startsWith(top([name])))).toBe(true);
      if (wanted.length === 0) expect(changes).toEqual([]);
    }));
  });

  it.each([
    [{ cidr: "a" }, { cidr: "b" }, ["cidr:update:replaces"]],
    [{}, { cidr: "b" }, ["cidr:add:replaces"]],
    [{ cidr: "a" }, {}, ["cidr:delete:replaces"]],
    [{ cidr: "a" }, { cidr: UNKNOWN }, ["cidr:update:replaces"]],
    [{ network: { subnets: ["a"], open: true } }, { network: { subnets: ["a", "b"], open: false } }, ["network.subnets[1]:add:replaces", "network.open:update"]],
    [{ tags: { "a.b": "1" } }, { tags: { "a.b": "2" } }, [`tags["a.b"]:update`]],
    [{ network: { subnets: ["a"] } }, {}, ["network:delete:replaces"]],
    [{ code: { kind: "archive", hash: "1", path: "/a" } }, { code: { kind: "archive", hash: "1" } }, []],
    [{ code: { kind: "archive", hash: "1", path: "/a" } }, { code: { kind: "archive", hash: "2", path: "/a" } }, ["code:update"]],
  ] as [Properties, Properties, string[]][])("%j → %j is %j", (olds, news, expected) => {
    const changes = diffInputs(olds, news, ["cidr", "network.subnets"]);
    expect(changes.map(({ path, kind, replaces }) => `${path}:${kind}${replaces ? ":replaces" : ""}`)).toEqual(expected);
  });
});

function sameValue(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other);
    return true;
  } catch {
    return false;
  }
}
