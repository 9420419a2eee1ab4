import { describe, expect, it } from "vitest";
import { looseTypes, typedSources, writtenFiles } from "./sources";

const LONGEST_FILE = 300;

/** Folders of somebody's machine. */
const MACHINE_PATHS = /(?<![\w.*\]-])\/(?:home|Users|root|work)\/[\w.-]+/;
const PACKAGE_HOSTS = /https?:\/\/[\w.-]*(?:registry|artifactory|nexus|verdaccio|goproxy)[\w.-]*/i;

describe("the sources", () => {
  it("are files that can be read in one go", () => {
    const lengths = typedSources().map(({ file, text }) => ({ file, lines: text.trimEnd().split("\n").length }));
    expect(lengths.filter(({ lines }) => lines > LONGEST_FILE)).toEqual([]);
  });

  it("use neither `any` nor non-null assertions", () => {
    expect(typedSources().flatMap(looseTypes)).toEqual([]);
  });

  it("name no machine's paths and no package host of their own", () => {
    const files = writtenFiles();
    expect(files.length).toBeGreaterThan(20);
    const named = files.flatMap(({ file, text }) => [MACHINE_PATHS, PACKAGE_HOSTS].flatMap((pattern) => pattern.exec(text)?.slice(0, 1).map((found) => `${file}: ${found}`) ?? []));
    expect(named).toEqual([]);
  });
});

describe("the search for loose types", () => {
  it.each([["const a: any = 1;", ["x.ts:1: any"]], ["\nf(a!.b);", ["x.ts:2: non-null assertion"]], ["a as any[]", ["x.ts:1: any"]]])("finds %j", (text, found) => {
    expect(looseTypes({ file: "x.ts", text })).toEqual(found);
  });
  it.each(["// any", "if (!a) f('any!');", "const anyone = a !== b;"])("passes %j", (text) => expect(looseTypes({ file: "x.ts", text })).toEqual([]));
});
