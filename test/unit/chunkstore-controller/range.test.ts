import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesETag, parseRange, rangeCounts } from "../../../workloads/chunkstore/controller/range";

describe("the range that a client asks for", () => {
  it.each([
    [undefined, 10, [0, 9, false]], ["bytes=0-", 10, [0, 9, true]], ["bytes=2-4", 10, [2, 4, true]], ["bytes=2-400", 10, [2, 9, true]], ["bytes=-3", 10, [7, 9, true]],
    ["bytes=-30", 10, [0, 9, true]], ["BYTES=9-9", 10, [9, 9, true]], [undefined, 0, [0, -1, false]],
    // What is no single range of bytes is ignored.
    ["bytes=4-2", 10, [0, 9, false]], ["bytes=-", 10, [0, 9, false]], ["bytes=0-1,3-4", 10, [0, 9, false]], ["lines=0-1", 10, [0, 9, false]], ["bytes=a-b", 10, [0, 9, false]], ["", 10, [0, 9, false]],
  ])("%j of %i bytes is %j", (header, size, [start, end, partial]) => {
    expect(parseRange(header, size)).toEqual({ start, end, partial });
  });

  it.each([["bytes=10-", 10], ["bytes=0-", 0], ["bytes=-0", 10], ["bytes=-5", 0], ["bytes=99999999999999999999-", 10]])("%j of %i bytes can't be satisfied", (header, size) => {
    expect(() => parseRange(header, size)).toThrow(expect.objectContaining({ code: "range-not-satisfiable", headers: { "content-range": `bytes */${size}` } }));
  });

  it("can't be in an empty file, which the refusal says", () => {
    expect(() => parseRange("bytes=0-1", 0)).toThrow('range lies outside of the file; got "bytes=0-1"; expected no range, because the file is empty');
    expect(() => parseRange("bytes=3-4", 2)).toThrow('got "bytes=3-4"; expected bytes of 0 to 1');
  });

  it("lies within the file, whatever is asked", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.tuple(fc.option(fc.nat()), fc.option(fc.nat())).map(([a, b]) => `bytes=${a ?? ""}-${b ?? ""}`)), fc.nat(1_000), (header, size) => {
      try {
        const { start, end } = parseRange(header, size);
        expect(start >= 0 && end < size && (start <= end || size === 0)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "range-not-satisfiable" });
      }
    }));
  });
});

describe("If-Range", () => {
  it.each([[undefined, true], ['"a"', true], ['"b"', false], ['W/"a"', false], ["*", false], ['"b", "a"', false], ["a", false], ["", false], ["Wed, 21 Oct 2015 07:28:00 GMT", false]])("%j: %s", (header, counts) => {
    expect(rangeCounts(header, '"a"')).toBe(counts);
  });
});

describe("If-Match", () => {
  it.each([['"a"', true], ["*", true], ['"b", "a"', true], ['"b"', false], ['W/"a"', false], ["a", false], ["", false]])("%j: %s", (header, matches) => {
    expect(matchesETag(header, '"a"')).toBe(matches);
  });
});
