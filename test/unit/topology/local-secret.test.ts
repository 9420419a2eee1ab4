import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOCAL_SECRETS_VARIABLE, secretOf } from "../../../automation/topology/local-secret";

let root: string;
beforeEach(() => { root = mkdtempSync(path.join(tmpdir(), "stackfleet-secrets-")); });
afterEach(() => rmSync(root, { recursive: true }));

const local = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ STACKFLEET_TARGET: "local", [LOCAL_SECRETS_VARIABLE]: path.join(root, "secrets"), ...more });
const made = { secretFromEnv: "SOME_SECRET", generateLocally: true } as const;
const folder = (): string => path.join(root, "secrets");

describe("secretOf", () => {
  it("takes the variable when it is set, and makes nothing up", () => {
    expect(secretOf(made, local({ SOME_SECRET: "given" }))).toBe("given");
    expect(existsSync(folder())).toBe(false);
  });

  it("makes a secret up in the local target, once, for the owner alone", () => {
    const secret = secretOf(made, local());
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(secretOf(made, local())).toBe(secret);
    expect(readdirSync(folder())).toEqual(["SOME_SECRET"]);
    expect((statSync(path.join(folder(), "SOME_SECRET")).mode & 0o777).toString(8)).toBe("600");
    expect((statSync(folder()).mode & 0o777).toString(8)).toBe("700");
  });

  it("makes another one for another variable, and for another fleet", () => {
    const secrets = new Set([secretOf(made, local()), secretOf({ ...made, secretFromEnv: "OTHER" }, local()), secretOf(made, local({ [LOCAL_SECRETS_VARIABLE]: path.join(root, "elsewhere") }))]);
    expect(secrets.size).toBe(3);
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ["in the cloud target, even with a folder left over", { STACKFLEET_TARGET: "cloud" }],
    ["where no target is known", { STACKFLEET_TARGET: undefined }],
    ["without a folder", { [LOCAL_SECRETS_VARIABLE]: undefined }],
  ])("makes nothing up %s", (_where, env) => {
    expect(secretOf(made, local(env))).toBeUndefined();
    expect(existsSync(folder())).toBe(false);
  });

  it("makes nothing up unless it is asked to", () => {
    expect(secretOf({ secretFromEnv: "SOME_SECRET" }, local())).toBeUndefined();
    expect(secretOf({ ...made, generateLocally: false }, local())).toBeUndefined();
  });

  it("gives all processes that ask at once the same one", async () => {
    const script = `const { secretOf } = require(${JSON.stringify(path.resolve(__dirname, "../../../automation/topology/local-secret.ts"))}); process.stdout.write(secretOf(${JSON.stringify(made)}, process.env));`;
    const ask = async (): Promise<string> => (await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", script], { env: { ...process.env, ...local() } })).stdout;
    const secrets = await Promise.all([ask(), ask(), ask()]);
    expect(new Set(secrets).size).toBe(1);
    expect(readFileSync(path.join(folder(), "SOME_SECRET"), "utf8")).toBe(`${secrets[0]}\n`);
    expect(readdirSync(folder())).toEqual(["SOME_SECRET"]);
  }, 60_000);

  it.skipIf(process.getuid?.() === 0)("fails when the file can't be read, instead of making another one", () => {
    secretOf(made, local());
    chmodSync(path.join(folder(), "SOME_SECRET"), 0);
    expect(() => secretOf(made, local())).toThrow(/EACCES/);
  });
});
