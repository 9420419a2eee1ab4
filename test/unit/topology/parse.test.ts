/** A declaration becomes a topology, or every fault of it comes at once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { parseTopology, SHIPPED_PROGRAMS } from "../../../automation/topology";
import { PROGRAM_NAMES } from "../../../stacks/programs";

let folder: string;
let configFile: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "stackfleet-parse-"));
  configFile = path.join(folder, "fleet.config.ts");
  mkdirSync(path.join(folder, "stacks"));
  writeFileSync(path.join(folder, "stacks", "mine.ts"), "export const program = () => ({});\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = "constellation-home";

function faultsOf(declaration: unknown): readonly string[] {
  try {
    parseTopology(declaration, { configFile });
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    expect(error.code).toBe("config-invalid");
    expect(error.exitCode).toBe(2);
    return error.options.details ?? [];
  }
  return [];
}

/** Faults of a stack `a` beside two good ones. */
const faultsOfStack = (stack: unknown): readonly string[] => faultsOf({ stacks: { a: stack, home: { program }, other: { program } } });

describe("parseTopology", () => {
  it("applies defaults, sorts stacks, dependencies and tags, and makes paths absolute", () => {
    const topology = parseTopology({
      stacks: { b: { program: "./stacks/mine.ts", dependsOn: ["home", "a"], tags: ["z", "y", "z"], region: "eu-west-1" }, home: { program }, a: { program } },
    }, { configFile });
    expect(topology).toEqual({
      project: "stackfleet", configFile, policyPacks: [],
      stacks: [
        { name: "a", program, dependsOn: [], tags: [], config: {} },
        { name: "b", program: path.join(folder, "stacks", "mine.ts"), dependsOn: ["a", "home"], tags: ["y", "z"], region: "eu-west-1", config: {} },
        { name: "home", program, dependsOn: [], tags: [], config: {} },
      ],
    });
  });

  it("knows exactly the programs that are shipped", () => {
    expect([...SHIPPED_PROGRAMS].sort()).toEqual([...PROGRAM_NAMES].sort());
  });

  it("keeps a program that is a function", () => {
    const inline = (): void => undefined;
    expect(parseTopology({ stacks: { a: { program: inline } } }, { configFile }).stacks[0]?.program).toBe(inline);
  });

  it.each([
    ["name: fleet-a # why", "fleet-a"], ["name: \"quoted\"", "quoted"], ["runtime: nodejs\nname: 'single'\n", "single"], ["runtime:\n  name: nodejs\n", "stackfleet"],
  ])("takes the project name of the Pulumi.yaml beside the config file: %j", (yaml, project) => {
    const inside = mkdtempSync(path.join(folder, "project-"));
    writeFileSync(path.join(inside, "Pulumi.yaml"), yaml);
    expect(parseTopology({ stacks: { a: { program } } }, { configFile: path.join(inside, "fleet.config.ts") }).project).toBe(project);
  });

  it("runs the policy folder beside the config file by default, and others by request", () => {
    const inside = mkdtempSync(path.join(folder, "policy-"));
    for (const name of ["policy", "more"]) {
      mkdirSync(path.join(inside, name));
      writeFileSync(path.join(inside, name, "PulumiPolicy.yaml"), "runtime: nodejs\n");
    }
    const at = { configFile: path.join(inside, "fleet.config.ts") };
    expect(parseTopology({ stacks: { a: { program } } }, at).policyPacks).toEqual([path.join(inside, "policy")]);
    expect(parseTopology({ stacks: { a: { program } }, policyPacks: ["./more"] }, at).policyPacks).toEqual([path.join(inside, "more")]);
    expect(parseTopology({ stacks: { a: { program } }, policyPacks: [] }, at).policyPacks).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ["an unknown dependency, with the nearest match", { program, dependsOn: ["hoem"] }, ['stacks.a.dependsOn[0]: unknown stack; got "hoem"; expected one of home, other; did you mean home?']],
    ["an unknown dependency that resembles nothing", { program, dependsOn: ["xylophone"] }, ['stacks.a.dependsOn[0]: unknown stack; got "xylophone"; expected one of home, other; declare it, or remove the dependency']],
    ["a dependency named twice", { program, dependsOn: ["home", "home"] }, ['stacks.a.dependsOn[1]: named twice; got "home"; expected each dependency once; remove it']],
    ["a dependency on itself", { program, dependsOn: ["a"] }, ['stacks.a.dependsOn[0]: a stack can\'t depend on itself; got "a"; expected one of home, other; remove it']],
    ["an unknown key, with the nearest match", { program, dependOn: ["home"] }, ['stacks.a.dependOn: unknown key; got "dependOn"; expected one of program, dependsOn, region, tags, config, parts; did you mean dependsOn?']],
    ["an unknown region, with the nearest match", { program, region: "eu-wets-1" }, ['stacks.a.region: unknown region; got "eu-wets-1"; expected an AWS region code such as eu-west-1; did you mean eu-west-1?']],
    ["a region by its display name", { program, region: "Frankfurt" }, ['stacks.a.region: unknown region; got "Frankfurt"; expected an AWS region code such as eu-west-1; use a region code, not its display name']],
    ["a missing program", {}, ["stacks.a.program: missing; got nothing; expected a program name, a module path or a function; add a program name, a module path or a function"]],
    ["an unknown program, with the nearest match", { program: "constelation-home" }, ['stacks.a.program: unknown program; got "constelation-home"; expected one of constellation-home, constellation-region, aerospike, chunkstore, or a path such as ./stacks/mine.ts; did you mean constellation-home?']],
    ["a module that does not exist", { program: "./stacks/gone.ts" }, ['stacks.a.program: no module there; got "./stacks/gone.ts"; expected an existing file; correct the path, which starts from the config file\'s folder']],
    ["a module path that is a folder", { program: "./stacks" }, ['stacks.a.program: no module there; got "./stacks"; expected an existing file; correct the path, which starts from the config file\'s folder']],
    ["wrong types, all of them", { program: 5, dependsOn: "home", tags: [1], config: [] }, [
      "stacks.a.program: wrong type; got 5; expected a program name, a module path or a function; give a program name, a module path or a function",
      'stacks.a.dependsOn: wrong type; got "home"; expected a list; give a list',
      "stacks.a.tags[0]: wrong type; got 1; expected a string; give a string",
      'stacks.a.config: wrong type; got "a list"; expected an object; give an object',
    ]],
    ["a stack that is no object", "constellation-home", ['stacks.a: wrong type; got "constellation-home"; expected an object; give an object']],
    ["a tag that selectors would misread", { program, tags: ["+x"] }, ['stacks.a.tags[0]: not a tag; got "+x"; expected 1 to 100 of the characters A-Z a-z 0-9 _ . : / = @ -; choose another tag']],
    ["a config key with a blank", { program, config: { "a b": 1 } }, ['stacks.a.config["a b"]: not a config key; got "a b"; expected key or namespace:key, without blanks; rename the key']],
    ["a region contradicted by aws:region", { program, region: "eu-west-1", config: { "aws:region": "eu-west-2" } }, ['stacks.a.config["aws:region"]: contradicts the stack\'s region; got "eu-west-2"; expected eu-west-1; leave aws:region out: region sets it']],
    ["a secret written down in place of its variable", { program, config: { password: { secretFromEnv: "s3cret!" } } }, ['stacks.a.config.password.secretFromEnv: not the name of an environment variable; got "a string"; expected letters, digits and _, such as DATABASE_PASSWORD; name the variable, never write the secret itself']],
    ["a secret inside a structured value", { program, config: { db: { password: { secretFromEnv: "DB" } } } }, ['stacks.a.config.db.password: a secret inside a value; got "an object with secretFromEnv"; expected secretFromEnv as the whole value of a config key; give the secret a key of its own']],
    ["a reference with more than the reference", { program, config: { db: { secretFromEnv: "DB", default: "x" } } }, ['stacks.a.config.db: more than a reference; got "an object with secretFromEnv"; expected secretFromEnv, and generateLocally if need be; remove the other keys']],
    ["a generation that is neither wanted nor not", { program, config: { db: { secretFromEnv: "DB", generateLocally: "yes" } } }, ['stacks.a.config.db.generateLocally: not true or false; got "a string"; expected true or false; leave it out for false']],
  ])("refuses %s", (_, stack, faults) => {
    expect(faultsOfStack(stack)).toEqual(faults);
  });

  it("names the exact place of a wrong config value and never shows the value", () => {
    const faults = faultsOfStack({ program, config: { db: { hosts: ["a", null] }, when: new Date(0), big: 10n } });
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(["stacks.a.config.db.hosts[1]", "stacks.a.config.when", "stacks.a.config.big"]);
    expect(faults[1]).toBe('stacks.a.config.when: wrong type; got "an object"; expected a string, number, boolean, list or object; give a string, number, boolean, list or object');
  });

  it("names a cycle in full, once, beside a cycle elsewhere", () => {
    // a → b → c → a    d → e → d    f → a (waits for a cycle, is in none)
    const on = (...dependsOn: string[]): object => ({ program, dependsOn });
    expect(faultsOf({ stacks: { c: on("a"), a: on("b"), b: on("c"), d: on("e"), e: on("d"), f: on("a") } })).toEqual([
      'stacks.a.dependsOn: dependencies in a cycle; got "a → b → c → a"; expected dependencies without a cycle; remove one of them',
      'stacks.d.dependsOn: dependencies in a cycle; got "d → e → d"; expected dependencies without a cycle; remove one of them',
    ]);
  });

  it("reports faults of every kind together", () => {
    const faults = faultsOf({ project: "a b", stack: {}, policyPacks: ["./none"], stacks: { "bad name": { program, region: "mars" }, a: { program, dependsOn: ["b"] }, b: { program, dependsOn: ["a"] }, c: { programm: "x" } } });
    expect(faults.map((fault) => fault.split(";")[0])).toEqual([
      "stacks.c.program: missing",
      "stacks.c.programm: unknown key",
      "stack: unknown key",
      "project: not a project name",
      "policyPacks[0]: no policy pack there",
      'stacks["bad name"]: not a stack name',
      'stacks["bad name"].region: unknown region',
      "stacks.a.dependsOn: dependencies in a cycle",
    ]);
  });

  it.each([[undefined], [null], ["x"], [[]], [{}], [{ stacks: {} }], [{ stacks: [] }]])("refuses %j as a fleet", (declaration) => {
    expect(faultsOf(declaration)).toHaveLength(1);
  });

  it.each(["__proto__x", "constructor", "a.b", "A_-.9", "x".repeat(100)])("takes the stack name %s", (name) => {
    expect(faultsOf({ stacks: { [name]: { program } } })).toEqual([]);
  });

  it.each(["__proto__", "", "a/b", "..\\x", "é", "x".repeat(101), "a:b"])("refuses the stack name %j", (name) => {
    expect(faultsOf({ stacks: { [name]: { program } } })[0]).toMatch(/not a stack name/);
  });
});
