import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile, pendingOf, readCheckpoint } from "../../../automation/backend/checkpoint";
import { makeEncryptionSalt } from "../../../automation/backend/secrets";
import { isSecret } from "../../../automation/recovery/secret";
import { sealerOf } from "../../../automation/recovery/sealer";
import { keepUndeleted, keepUnanswered } from "../../../automation/recovery/unanswered";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
const PASSPHRASE = "open sesame";

let dir: string;
beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), "unanswered-")); });
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function writeState(latest: object): void {
  const file = checkpointFile(dir, "p", "s");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { stack: "organization/p/s", latest } }));
}

const create = { urn: "urn:b", type: "aws:ssm/parameter:Parameter", inputs: { name: "b", value: SECRET, list: [SECRET, "plain"] } };
const kept = (): ReturnType<typeof pendingOf>[number] => pendingOf(readCheckpoint(dir, "p", "s"))[0] ?? expect.unreachable();

/** As Pulumi decrypts a secret of a checkpoint. */
function open(ciphertext: string, encryptionSalt: string): string {
  const key = pbkdf2Sync(PASSPHRASE, Buffer.from(encryptionSalt.split(":")[1] ?? "", "base64"), 1_000_000, 32, "sha256");
  const [, nonce = "", sealed = ""] = ciphertext.split(":");
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64")).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString("utf8");
}

describe("a create whose reply was lost", () => {
  it("is kept with masked secrets that are secret and that the checkpoint's key opens", () => {
    const salt = makeEncryptionSalt(PASSPHRASE);
    writeState({ resources: [], secrets_providers: { type: "passphrase", state: { salt } } });
    keepUnanswered(dir, "p", "s", [{ ...create, protect: true }], sealerOf({ PULUMI_CONFIG_PASSPHRASE: PASSPHRASE }));
    const { type, resource } = kept();
    expect({ type, urn: resource.urn, protect: resource["protect"] }).toEqual({ type: "creating", urn: "urn:b", protect: true });
    const value = resource.inputs?.["value"] as { ciphertext: string };
    expect(isSecret(value)).toBe(true);
    expect(open(value.ciphertext, salt)).toBe('"[secret]"');
  });

  it("is kept without its secrets where the key is not at hand: one that can't be opened would spoil the whole checkpoint", () => {
    writeState({ resources: [], secrets_providers: { type: "cloud", state: {} } });
    keepUnanswered(dir, "p", "s", [create], sealerOf({ PULUMI_CONFIG_PASSPHRASE: PASSPHRASE }));
    expect(kept().resource.inputs).toEqual({ name: "b", list: ["plain"] });
  });

  it("depends on what was there before its old side, on nothing that may depend on it", () => {
    const custom = (urn: string): object => ({ urn, type: "aws:x/y:Y", custom: true });
    writeState({ resources: [{ urn: "urn:stack", type: "pulumi:pulumi:Stack" }, custom("urn:a"), custom("urn:b"), custom("urn:c")] });
    keepUnanswered(dir, "p", "s", [create]);
    expect(kept().resource["dependencies"]).toEqual(["urn:a"]);
  });

  it("is not kept a second time beside what the engine wrote down itself", () => {
    writeState({ resources: [], pending_operations: [{ type: "creating", resource: { urn: "urn:b", type: create.type, inputs: { name: "true" } } }] });
    keepUnanswered(dir, "p", "s", [create]);
    expect(pendingOf(readCheckpoint(dir, "p", "s")).map(({ resource }) => resource.inputs)).toEqual([{ name: "true" }]);
  });
});

describe("a deletion that was stopped", () => {
  const known = (urn: string, more: object = {}): object => ({ urn, type: "aws:x/y:Y", custom: true, id: "1", inputs: {}, ...more });

  it("is kept as pending, once, for the record that the state counts on", () => {
    writeState({ resources: [known("urn:a"), known("urn:b"), known("urn:b", { id: "0", delete: true })] });
    keepUndeleted(dir, "p", "s", ["urn:b", "urn:gone"]);
    keepUndeleted(dir, "p", "s", ["urn:b"]);
    expect(pendingOf(readCheckpoint(dir, "p", "s"))).toEqual([{ type: "deleting", resource: known("urn:b") }]);
  });
});
