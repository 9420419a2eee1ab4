/** Secrets of a stack's configuration and outputs: encrypted wherever they are kept, masked wherever they are shown. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestFleet, type Outcome } from "../support/fleet";

const TOKEN = "token-in-the-clear-5141";
const PASSWORD = "password-in-the-clear-9262";

//   vault ◄─ reader
const fleet = new TestFleet({
  env: { VAULT_TOKEN: TOKEN },
  files: {
    "fleet.config.ts": `
      import { defineFleet } from "stackfleet";
      export default defineFleet({ stacks: {
        vault: { program: "./vault.cjs", region: "eu-west-1", config: { token: { secretFromEnv: "VAULT_TOKEN" } } },
        reader: { program: "./reader.cjs", region: "eu-west-1", dependsOn: ["vault"] },
      } });`,
    "vault.cjs": `
      const pulumi = require("@pulumi/pulumi");
      const aws = require("@pulumi/aws");
      exports.program = async () => {
        const token = new pulumi.Config().requireSecret("token");
        new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
        return { token, length: token.apply((text) => text.length), nested: { password: pulumi.secret(${JSON.stringify(PASSWORD)}), user: "admin" }, open: "nothing to hide" };
      };`,
    "reader.cjs": `
      const pulumi = require("@pulumi/pulumi");
      exports.program = async () => {
        const vault = new pulumi.StackReference("organization/stackfleet/vault");
        return { copy: vault.requireOutput("token") };
      };`,
  },
});
const shown: Outcome[] = [];

beforeAll(async () => {
  await fleet.start();
  for (const operation of ["preview", "up", "refresh", "preview"]) shown.push(await fleet.plain(operation));
  shown.push(await fleet.run("up", "--output", "json"));
}, 120_000);
afterAll(() => fleet.remove());

/** Files under a folder that have any of the texts in them, packages left out. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(file, texts);
    return entry.isFile() && texts.some((text) => readFileSync(file).includes(text)) ? [file] : [];
  });
}

describe("a secret", () => {
  it("is in no file and in no line of output, in the clear", () => {
    expect(shown.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(filesWith(fleet.state(), ["nothing to hide"])).not.toEqual([]); // the search does find what is there
    expect(filesWith(fleet.state(), [TOKEN, PASSWORD, Buffer.from(TOKEN).toString("base64")])).toEqual([]);
    for (const { stdout, stderr } of shown) for (const text of [TOKEN, PASSWORD]) expect(stdout + stderr).not.toContain(text);
  });

  it("is masked by outputs, also in JSON and by way of a stack reference", async () => {
    const { stdout } = await fleet.run("outputs", "--output", "json");
    expect(JSON.parse(stdout)).toEqual({
      vault: { token: "[secret]", length: "[secret]", nested: "[secret]", open: "nothing to hide" },
      reader: { copy: "[secret]" },
    });
    const text = await fleet.run("outputs", "vault");
    expect(text.stdout).toContain("nothing to hide");
    for (const secret of [TOKEN, PASSWORD]) expect(text.stdout).not.toContain(secret);
  });

  it("is shown by outputs --show-secrets, and by nothing else", async () => {
    const { code, stdout } = await fleet.run("outputs", "--show-secrets", "--output", "json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      vault: { token: TOKEN, length: TOKEN.length, nested: { password: PASSWORD, user: "admin" }, open: "nothing to hide" },
      reader: { copy: TOKEN },
    });
    expect(filesWith(fleet.state(), [TOKEN, PASSWORD])).toEqual([]);
  });

  it("that is not set is a fault of the input, told with the variable's name before anything starts", async () => {
    const before = (await fleet.ledger()).length;
    const { code, stdout, stderr } = await fleet.runWith({ VAULT_TOKEN: undefined }, "up", "vault", "--output", "plain");
    expect(code).toBe(2);
    expect(await fleet.ledger()).toHaveLength(before);
    expect(stdout + stderr).toContain("stacks.vault.config.token: the environment variable is not set; got nothing; expected a secret in VAULT_TOKEN; set it before you start");
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

it("lets nobody else read what unlocks secrets", () => {
  for (const file of [fleet.state("passphrase"), fleet.state("local", "project", "encryption-salt"), fleet.state("local", "cloud", "daemon.json")]) {
    expect({ file, mode: (statSync(file).mode & 0o777).toString(8) }).toEqual({ file, mode: "600" });
  }
});
