import { describe, expect, it } from "vitest";
import { importsOf, typedSources, type Import } from "./sources";

/** A rule: sources below `from` may import, of the project's own modules, only what `allowed` matches. */
interface Rule { readonly name: string; readonly from: RegExp; readonly allowed: RegExp }

const RULES: readonly Rule[] = [
  { name: "components import neither stacks nor the driver, and of providers their SDKs only", from: /^components\//, allowed: /^components\/|^providers\/[^/]+\/sdk(\/|$)/ },
  { name: "providers import nothing but providers", from: /^providers\//, allowed: /^providers\// },
  { name: "policies import the components' tags only", from: /^policy\//, allowed: /^policy\/|^components\/tags(\/|$)/ },
  {
    name: "the driver imports no component and no stack, and of the local cloud its client only",
    from: /^automation\/(?!cli\/)/, allowed: /^automation\/|^local\/(client|protocol)$|^package\.json$/,
  },
  {
    name: "the command line also imports the chunk store's client and the drills",
    from: /^automation\/cli\//, allowed: /^automation\/|^local\/(client|protocol)$|^package\.json$|^workloads\/chunkstore\/client(\/|$)|^drills(\/|$)/,
  },
  { name: "the local cloud knows nothing of driver, stacks and components", from: /^local\//, allowed: /^(?!automation\/|stacks\/|components\/)/ },
  { name: "workloads know nothing of driver, stacks and components", from: /^workloads\//, allowed: /^(?!automation\/|stacks\/|components\/)/ },
  {
    name: "drills import the chunk store's client and contract, and the local cloud's client",
    from: /^drills\//, allowed: /^drills\/|^workloads\/chunkstore\/(client|contract)(\/|$)|^local\/client$/,
  },
  { name: "stacks import components and the topology only", from: /^stacks\//, allowed: /^stacks\/|^components\/|^automation\/topology(\/|$)/ },
];

/** The only places that load the engine's SDK: the adapter, and the program that downloads the CLI. */
const ENGINE = /^automation\/engine\/|^automation\/toolchain\/release-child\.ts$|^test\/|^bench\//;

const imports = typedSources().flatMap(importsOf);
const shown = ({ file, specifier }: Import): string => `${file} imports ${specifier}`;

describe("imports point one way", () => {
  it.each(RULES)("$name", ({ from, allowed }) => {
    const broken = imports.filter((one) => from.test(one.file) && one.path !== undefined && !allowed.test(one.path));
    expect(broken.map(shown)).toEqual([]);
  });

  it("only the engine adapter and the download of the CLI load the Automation API", () => {
    const broken = imports.filter((one) => /^@pulumi\/pulumi\/automation(\/|$)/.test(one.specifier) && !ENGINE.test(one.file));
    expect(broken.map(shown)).toEqual([]);
  });

  it("no import leaves the project", () => {
    expect(imports.filter((one) => one.path?.startsWith("..")).map(shown)).toEqual([]);
  });

  it.each(RULES)("'$name' has imports to check", ({ from }) => {
    expect(imports.some((one) => from.test(one.file))).toBe(true);
  });
});

describe("the reading of imports", () => {
  it.each([
    ['import { a } from "../local/client";', "local/client"],
    ['import type { a } from "../local/model";', "local/model"],
    ['export * from "../stacks/index";', "stacks/index"],
    ['const a = await import("../components/vpc.js");', "components/vpc"],
    ['const a = require("../components/vpc");', "components/vpc"],
    ['import { a } from "#dist/components/vpc";', "components/vpc"],
    ['let a: import("../components/vpc").Vpc;', "components/vpc"],
  ])("sees %s", (text, path) => {
    expect(importsOf({ file: "automation/x.ts", text }).map((one) => one.path)).toEqual([path]);
  });
  it("sees none in a comment or a string", () => {
    expect(importsOf({ file: "automation/x.ts", text: '// import "../stacks"\nconst a = `import "../stacks"`;' })).toEqual([]);
  });
});
