/**
 * The passphrase secrets provider's file formats, as Pulumi writes them (pulumi/pkg/secrets/passphrase and
 * pulumi/sdk/go/common/resource/config/crypt.go): PBKDF2-SHA256 with 1,000,000 rounds, AES-256-GCM.
 */
import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { readIfExists, writeAtomic } from "./files";

const ROUNDS = 1_000_000;
const KEY_BYTES = 32;

/** `encryptionsalt` of a stack's settings: the salt, and a known text encrypted with the key, by which Pulumi checks the passphrase. */
export function makeEncryptionSalt(passphrase: string): string {
  const salt = randomBytes(8);
  return `v1:${salt.toString("base64")}:${seal("pulumi", keyOf(passphrase, salt))}`;
}

/** Encrypts texts for checkpoints with this `encryptionsalt`. The key is derived once (0.15 CPU-s). @returns undefined when the salt has another form */
export function sealerFor(encryptionSalt: string, passphrase: string): ((text: string) => string) | undefined {
  const [version, salt] = encryptionSalt.split(":");
  if (version !== "v1" || salt === undefined) return undefined;
  const key = keyOf(passphrase, Buffer.from(salt, "base64"));
  return (text) => seal(text, key);
}

function keyOf(passphrase: string, salt: Buffer): Buffer {
  return pbkdf2Sync(passphrase, salt, ROUNDS, KEY_BYTES, "sha256");
}

function seal(text: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

/** The local target's passphrase file; generated once, readable by the owner only. */
export function ensurePassphraseFile(home: string): string {
  const file = path.join(home, "passphrase");
  if (!existsSync(file)) writeAtomic(file, `${randomBytes(24).toString("base64url")}\n`, 0o600);
  return file;
}

/** What Pulumi reads from a passphrase file: its content without surrounding space. */
export function readPassphrase(file: string): string {
  return readFileSync(file, "utf8").trim();
}

/**
 * One salt for all stacks of a target: the key is then derived once per process, and a stack reference to another stack of
 * the fleet costs no second derivation (0.15 CPU-s each).
 */
export function sharedSalt(projectDir: string, passphrase: () => string): string {
  const file = path.join(projectDir, "encryption-salt");
  const known = readIfExists(file)?.trim();
  if (known) return known;
  const salt = makeEncryptionSalt(passphrase());
  writeAtomic(file, `${salt}\n`, 0o600);
  return salt;
}
