/** What the package hands out: a light entry, a JSON schema in step with zod, documentation whose examples compile and work. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inputError, FleetError } from "../../../automation/errors";
import { loadTopology, parseTopology } from "../../../automation/topology";
import { fleetJsonSchema } from "../../../automation/topology/json-schema";

const repository = path.resolve(__dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(path.join(repository, file), "utf8");
/** Fenced blocks of the documentation in one language. */
const blocks = (language: string): string[] => [...read("docs/fleet-config.md").matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, code = ""]) => code);

/** What the compiler has to say about a folder. Faults outside of it are not under test here. */
function compile(project: string): string {
  const compiler = path.join(repository, "node_modules", "typescript7", "bin", "tsc");
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, "-p", project], { cwd: project, encoding: "utf8" });
  if (status === null || (status !== 0 && !/error TS\d+/.test(stdout))) throw new Error(`the compiler did not run: ${stdout}${stderr}`);
  return stdout;
}

let folder: string;
beforeAll(() => { folder = mkdtempSync(path.join(tmpdir(), "stackfleet-package-")); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("schema/fleet.schema.json", () => {
  it("is in step with the zod schemas (npm run schema writes it)", () => {
    expect(JSON.parse(read("schema/fleet.schema.json"))).toEqual(fleetJsonSchema());
  });

  it("knows every key of a stack, and the program as text", () => {
    const { $defs } = fleetJsonSchema() as { $defs: { Fleet: { properties: { stacks: { additionalProperties: { properties: Record<string, object>; required: string[] } } } } } };
    const { properties, required } = $defs.Fleet.properties.stacks.additionalProperties;
    expect(Object.keys(properties)).toEqual(["program", "dependsOn", "region", "tags", "config", "parts"]);
    expect(properties["program"]).toMatchObject({ type: "string", minLength: 1 });
    expect(required).toEqual(["program"]);
  });
});

describe("docs/fleet-config.md", () => {
  it("has TypeScript examples that compile against the package", () => {
    const inside = path.join(folder, "compile");
    mkdirSync(path.join(inside, "node_modules"), { recursive: true });
    for (const name of ["@pulumi", "@types", "undici-types"]) symlinkSync(path.join(repository, "node_modules", name), path.join(inside, "node_modules", name));
    const examples = blocks("ts");
    expect(examples.length).toBeGreaterThanOrEqual(4);
    examples.forEach((code, index) => writeFileSync(path.join(inside, `example-${index}.ts`), code));
    writeFileSync(path.join(inside, "tsconfig.json"), JSON.stringify({
      extends: path.join(repository, "tsconfig.json"),
      compilerOptions: { rootDir: "/", noUnusedLocals: false, paths: { stackfleet: [path.join(repository, "index.ts")] }, typeRoots: [path.join(repository, "node_modules/@types")] },
      include: ["*.ts"],
    }));
    // Unless the types refuse the unknown key, the compiler reports the marker as unused.
    writeFileSync(path.join(inside, "example-wrong.ts"), 'import { defineFleet } from "stackfleet";\n// @ts-expect-error\ndefineFleet({ stacks: { a: { program: "x", dependOn: [] } } });\n');
    expect(compile(inside).split("\n").filter((line) => line.startsWith("example-"))).toEqual([]);
  }, 60_000);

  it("has config examples that load", async () => {
    const inside = path.join(folder, "load");
    mkdirSync(path.join(inside, "stacks"), { recursive: true });
    cpSync(path.join(repository, "examples"), path.join(inside, "examples"), { recursive: true });
    for (const name of ["network", "database", "service", "dashboard"]) writeFileSync(path.join(inside, "stacks", `${name}.ts`), "");
    const configs = blocks("ts").filter((code) => code.includes("export default defineFleet"));
    expect(configs).toHaveLength(2);
    for (const [index, code] of configs.entries()) {
      const file = path.join(inside, `fleet-${index}.config.ts`);
      writeFileSync(file, code);
      expect((await loadTopology(file)).stacks.length).toBeGreaterThan(2);
    }
  });

  it("has a Constellation example that loads", async () => {
    const file = path.join(folder, "load.json");
    writeFileSync(file, blocks("json")[0] ?? "");
    expect((await loadTopology(file)).stacks.map(({ name }) => name)).toEqual(["ap-northeast-1", "eu-central-1", "home", "us-east-2"]);
  });

  it("shows errors as they are", () => {
    const program = "constellation-home";
    const attempt = (): unknown => parseTopology({
      stacks: { network: { program }, database: { program, dependOn: ["network"] }, service: { program, dependsOn: ["netwrok"], region: "eu-wets-1" } },
    }, { configFile: path.join(folder, "fleet.config.ts") });
    let error = inputError("nothing thrown", []);
    try { attempt(); } catch (caught) { if (caught instanceof FleetError) error = caught; }
    const shown = [error.message, ...(error.options.details ?? []).map((line) => `  ${line}`)];
    expect(`${shown.join("\n")}\n`).toBe(blocks("text")[0]);
  });
});

describe("the package's entry", () => {
  const probe = (code: string): string => execFileSync(process.execPath, ["--import", "tsx", "-e", code], { cwd: repository, encoding: "utf8" });

  it("loads neither a Pulumi nor an AWS SDK nor the driver", () => {
    const heavy = /@pulumi[\\/]|@aws-sdk|automation[\\/](?:run|engine|cli|toolchain)[\\/]/.source;
    const loaded = probe(`require("./index.ts"); console.log(JSON.stringify(Object.keys(require.cache).filter((file) => /${heavy}/.test(file))))`);
    expect(JSON.parse(loaded)).toEqual([]);
  });

  it("loads the fleet of this repository without an SDK", () => {
    const names = probe('require("./automation/topology/index.ts").loadTopology("fleet.config.ts").then(({ stacks }) => console.log(JSON.stringify([stacks.length, Object.keys(require.cache).filter((file) => /@pulumi|@aws-sdk/.test(file))])))');
    expect(JSON.parse(names)).toEqual([8, []]);
  });
});
