/** Loading of config files in every form, from real files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findConfig, loadTopology } from "../../../automation/topology";

let root: string;
beforeAll(() => { root = mkdtempSync(path.join(tmpdir(), "stackfleet-load-")); });
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A folder with these files; returns the path of the first. */
function write(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(root, "case-"));
  const paths = Object.entries(files).map(([name, text]) => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
  return paths[0] ?? folder;
}

const fleet = '{ stacks: { a: { program: "constellation-home" } } }';
const names = async (file: string): Promise<string[]> => (await loadTopology(file)).stacks.map(({ name }) => name);
const detailsOf = (file: string): Promise<unknown> => loadTopology(file).then(() => [], (error: { options?: { details?: unknown } }) => error.options?.details);

describe("loadTopology", () => {
  it.each([
    ["fleet.config.ts", `import { defineFleet } from "stackfleet"; const f: object = ${fleet}; export default defineFleet(f as never);`],
    ["fleet.config.ts", `enum Name { a = "a" } export default { stacks: { [Name.a]: { program: "constellation-home" } } };`],
    ["fleet.config.mts", `import { defineFleet } from "stackfleet"; export default defineFleet(${fleet});`],
    ["fleet.config.cts", `import { defineFleet } from "stackfleet"; export default defineFleet(${fleet});`],
    ["fleet.config.js", `import { defineFleet } from "stackfleet"; export default defineFleet(${fleet});`],
    ["fleet.config.mjs", `import { defineFleet } from "stackfleet"; export default defineFleet(${fleet});`],
    ["fleet.config.cjs", `module.exports = ${fleet};`],
    ["fleet.config.js", `module.exports = require("stackfleet").defineFleet(${fleet});`],
    ["fleet.config.ts", `export default async () => { await null; return ${fleet}; };`],
    ["fleet.config.ts", `export default Promise.resolve(${fleet});`],
    ["fleet.json", '{ "$schema": "x", "stacks": { "a": { "program": "constellation-home" } } }'],
  ])("loads %s: %s", async (name, text) => {
    expect(await names(write({ [name]: text }))).toEqual(["a"]);
  });

  it("loads a Constellation file directly, with a byte order mark too", async () => {
    const text = '\uFEFF{ "DURATION": 20000, "HOME_REGION": "eu-central-1", "REMOTE_REGIONS": { "eu-west-1": 5 } }';
    expect(await names(write({ "load.json": text }))).toEqual(["eu-west-1", "home"]);
  });

  it.each(["ts", "mjs", "cjs"])("gives files in any folder the SDKs of this package, also where another Pulumi SDK is installed (.%s)", async (form) => {
    const sdk = JSON.stringify(require.resolve("@pulumi/pulumi"));
    const [imports, exported] = form === "cjs"
      ? ['const pulumi = require("@pulumi/pulumi"); const { Config } = require("@pulumi/pulumi/config");', "module.exports ="]
      : ['import * as pulumi from "@pulumi/pulumi"; import { Config } from "@pulumi/pulumi/config"; import { createRequire } from "node:module";', "export default"];
    const found = form === "cjs" ? "require" : `createRequire(${JSON.stringify(path.join(root, "x.js"))})`;
    const config = write({
      [`fleet.config.${form}`]: `${imports} const name = pulumi.Config === Config && pulumi.Config === ${found}(${sdk}).Config ? "same" : "another"; ${exported} { stacks: { [name]: { program: "constellation-home" } } };`,
      "node_modules/@pulumi/pulumi/index.js": "exports.Config = class {};",
      "node_modules/@pulumi/pulumi/config.js": "exports.Config = class {};",
    });
    expect(await names(config)).toEqual(["same"]);
  });

  it("prefers the provider SDK installed beside the file, and says which one is missing everywhere", async () => {
    const use = (name: string): string => `const sdk = require(${JSON.stringify(name)}); module.exports = { stacks: { [sdk.name ?? "shipped"]: { program: "constellation-home" } } };`;
    const aws = "@pulumi/aws/package.json";
    expect(await names(write({ "fleet.config.cjs": use(aws), [`node_modules/${aws}`]: '{ "name": "mine" }' }))).toEqual(["mine"]);
    expect(await names(write({ "fleet.config.cjs": use(aws).replace("sdk.name", "(sdk.name && undefined)") }))).toEqual(["shipped"]);
    await expect(loadTopology(write({ "fleet.config.cjs": use("@pulumi/none") }))).rejects.toThrow("Cannot find module '@pulumi/none'");
  });

  it.each([
    ["process.exit(0); export default {};", "a call of process.exit(0)"],
    ["export default async () => { await new Promise(setImmediate); process.exit(3); };", "a call of process.exit(3)"],
  ])("turns the end of the process that a config file asks for into its error: %s", async (text, got) => {
    const exit = process.exit;
    await expect(loadTopology(write({ "fleet.config.ts": text }))).rejects.toMatchObject({ code: "config-failed", message: `fleet.config.ts can't be loaded; got ${got}` });
    expect(process.exit).toBe(exit);
  });

  it("fails when nothing is left that could settle the file's promise", async () => {
    const before = process.listenerCount("beforeExit");
    const loading = loadTopology(write({ "fleet.config.ts": "export default new Promise(() => undefined);" }));
    await new Promise<void>((resolve) => {
      const look = (): void => void (process.listenerCount("beforeExit") > before ? resolve() : setImmediate(look));
      look();
    });
    process.listeners("beforeExit").at(-1)?.call(process, 0);
    await expect(loading).rejects.toThrow("fleet.config.ts can't be loaded; got a promise that never settles");
    expect(process.listenerCount("beforeExit")).toBe(before);
  });

  it("lets a config file read a Constellation beside it, and import modules", async () => {
    const file = write({
      "fleet.config.ts": 'import { constellation, defineFleet } from "stackfleet"; import { extra } from "./more/extra"; export default defineFleet({ stacks: { ...constellation("./data/load.json"), ...extra } });',
      "more/extra.ts": 'export const extra = { z: { program: "constellation-home" } };',
      "data/load.json": '{ "DURATION": 20000, "HOME_REGION": "eu-central-1", "REMOTE_REGIONS": { "eu-west-1": 5 } }',
    });
    expect(await names(file)).toEqual(["eu-west-1", "home", "z"]);
  });

  it("starts relative paths from the config file's folder after an await too, in two loads at once", async () => {
    const load = (region: string): string => write({
      "fleet.config.ts": 'import { constellation } from "stackfleet"; export default async () => { await new Promise(setImmediate); return { stacks: constellation("./load.json") }; };',
      "load.json": `{ "DURATION": 20000, "HOME_REGION": "eu-central-1", "REMOTE_REGIONS": { "${region}": 5 } }`,
    });
    expect(await Promise.all([names(load("eu-west-1")), names(load("eu-west-2"))])).toEqual([["eu-west-1", "home"], ["eu-west-2", "home"]]);
  });

  it("reads a file anew that changed since the last load", async () => {
    const file = write({ "fleet.config.ts": `export default ${fleet};` });
    expect(await names(file)).toEqual(["a"]);
    writeFileSync(file, `export default ${fleet.replace("a:", "b:")};`);
    expect(await names(file)).toEqual(["b"]);
  });

  it("reports the faults of a Constellation that a config file reads, under that file's name", async () => {
    const file = write({
      "fleet.config.ts": 'import { constellation, defineFleet } from "stackfleet"; export default defineFleet({ stacks: constellation("./load.json") });',
      "load.json": '{ "DURATION": 1, "HOME_REGION": "eu-central-1", "REMOTE_REGIONS": { "eu-west-1": 0.5 } }',
    });
    await expect(loadTopology(file)).rejects.toMatchObject({ code: "config-invalid", message: "load.json: 1 fault" });
  });

  it("reports the faults of a Constellation given directly under its file's name", async () => {
    await expect(loadTopology(write({ "load.json": "{}" }))).rejects.toMatchObject({ message: "load.json: 3 faults" });
    expect(await detailsOf(write({ "load.json": '{\n"a" 1 }' }))).toEqual(['line 2, column 5: no colon after the key; got "1"; expected a colon; add it']);
  });

  it.each([
    ["a file that throws", 'throw new Error("no token\\nmore");', "no token", "correct the file"],
    ["a syntax error, with its place", "export default {\n  stacks: {,\n};", 'Expected identifier but found "," at line 2, column 12', "correct the file"],
    ["a module that is not there", 'import "./gone"; export default {};', "Cannot find module './gone'", "correct the file"],
    ["an await outside of a function", "await null; export default {};", 'Top-level await is currently not supported with the "cjs" output format at line 1, column 1', "export a function: `export default async () => …`"],
  ])("turns %s into one line", async (_, text, got, fix) => {
    await expect(loadTopology(write({ "fleet.config.ts": text }))).rejects.toMatchObject({
      code: "config-failed", exitCode: 2, message: `fleet.config.ts can't be loaded; got ${got}`, options: { fix },
    });
  });

  it("refuses a file of another form", async () => {
    expect(await detailsOf(write({ "fleet.yaml": "stacks: {}" }))).toEqual([
      'file name: not a form of config; got ".yaml"; expected one of .ts, .mts, .cts, .js, .mjs, .cjs, .json; name a fleet.config.ts or a Constellation JSON file',
    ]);
  });

  it("asks for a default export when there is none", async () => {
    expect(await detailsOf(write({ "fleet.config.ts": "export const fleet = {};" }))).toEqual([
      "default export: missing; got nothing; expected a fleet declaration; write `export default defineFleet({ stacks: { … } })`",
    ]);
  });

  it("shares its modules with what a config file imports, so that inline programs get the process's own SDK", async () => {
    const key = Symbol.for("stackfleet.test.loads");
    const counter = globalThis as { [key]?: number };
    const file = write({
      "fleet.config.ts": `import "counted"; export default ${fleet};`,
      "node_modules/counted/index.js": 'const key = Symbol.for("stackfleet.test.loads"); globalThis[key] = (globalThis[key] ?? 0) + 1;',
    });
    await loadTopology(file);
    await loadTopology(file);
    expect(counter[key]).toBe(1);
  });
});

describe("findConfig", () => {
  it("takes the first of the known names, and nothing else", () => {
    const file = write({ "fleet.config.ts": "", "fleet.config.cjs": "", "fleet.config.json": "" });
    expect(findConfig(path.dirname(file))).toBe(file);
    expect(findConfig(path.dirname(write({ "other.ts": "" })))).toBeUndefined();
  });
});
