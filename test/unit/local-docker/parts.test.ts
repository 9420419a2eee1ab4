import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../../local/docker/duration";
import { parseDockerfile } from "../../../local/docker/engine/dockerfile";
import { fullName } from "../../../local/docker/engine/images";
import { containsName, matchesLabels, parseFilters } from "../../../local/docker/api/query";

describe("durations", () => {
  it.each([["0", 0], ["5s", 5], ["1m30s", 90], ["500ms", 0.5], ["1.5h", 5400], ["2h45m", 9900], ["10us", 1e-5], ["100ns", 1e-7]])("reads %s", (text, seconds) => expect(parseDuration(text)).toBeCloseTo(seconds, 9));
  it.each(["", "5", "s", "-5s", "5s ", "1d", "five"])("refuses %j", (text) => expect(parseDuration(text)).toBeUndefined());
  it("adds up its parts, whatever they are", () => {
    fc.assert(fc.property(fc.nat(100), fc.nat(59), fc.nat(59), (h, m, s) => parseDuration(`${h}h${m}m${s}s`) === h * 3600 + m * 60 + s));
  });
});

describe("Dockerfiles", () => {
  it("give the labels and the check of the last stage", () => {
    const text = 'FROM a AS build\nLABEL from=build\nHEALTHCHECK CMD true\nFROM b\n# LABEL x=y\nlabel one=1 "two words"="a \\"b\\""\nLABEL three=\'3 3\'\n';
    expect(parseDockerfile(text)).toEqual({ labels: { one: "1", "two words": 'a "b"', three: "3 3" } });
  });
  it.each([
    ["HEALTHCHECK NONE", { test: ["NONE"] }],
    ["HEALTHCHECK CMD curl -f http://localhost/ || exit 1", { test: ["CMD-SHELL", "curl -f http://localhost/ || exit 1"] }],
    ['HEALTHCHECK --interval=1m --start-period=3s CMD ["node","x.js"]', { test: ["CMD", "node", "x.js"], intervalSeconds: 60, startPeriodSeconds: 3 }],
    ['HEALTHCHECK --retries=2 \\\n  CMD ["x"]', { test: ["CMD", "x"], retries: 2 }],
  ])("understand %s", (line, expected) => expect(parseDockerfile(`FROM x\n${line}\n`).healthCheck).toEqual(expected));
  it("never fail, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseDockerfile(text)));
  });
});

it("names of images are completed", () => {
  expect(["a", "a:1", "r.io:5000/a/b", "r.io:5000/a/b:2", "a@sha256:00"].map(fullName)).toEqual(["a:latest", "a:1", "r.io:5000/a/b:latest", "r.io:5000/a/b:2", "a:latest"]);
});

describe("filters", () => {
  it("come as lists or as maps", () => {
    expect(parseFilters('{"label":["a=b","c"]}', ["label"])).toEqual({ label: ["a=b", "c"] });
    expect(parseFilters('{"label":{"a=b":true,"c":false}}', ["label"])).toEqual({ label: ["a=b"] });
    expect(parseFilters(undefined, [])).toEqual({});
    expect(() => parseFilters("{", [])).toThrow("invalid filters");
    expect(() => parseFilters('{"colour":["red"]}', ["label"])).toThrow("invalid filter 'colour'");
  });
  it("match labels and parts of names", () => {
    expect(matchesLabels({ a: "b=c" }, ["a", "a=b=c"])).toBe(true);
    expect(matchesLabels({ a: "b" }, ["a=c"])).toBe(false);
    expect(["web", "^/web-1$", "^web", "eb-"].map(containsName("web-1"))).toEqual([true, true, true, true]);
    expect(["web-2", "^eb", "("].map(containsName("web-1"))).toEqual([false, false, false]);
  });
});
