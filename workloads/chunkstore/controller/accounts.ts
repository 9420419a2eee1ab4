/**
 * Who may log in. Passwords come from one file at each start and are forgotten once they are hashed; nothing that is
 * derived from them is ever written to disk.
 *
 * The salt is derived from the cluster's key and the user's name, so that all controllers come to the same hash without asking
 * each other: it is what makes a token good everywhere and void once the password has changed.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { z } from "zod";
import { SettingsError, type WorkQueue } from "../node";
import { deriveKey } from "./tokens";

/** OWASP's password storage cheat sheet, second of its scrypt settings of equal strength: 32 MiB, about 0.2 s. */
export const SCRYPT: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;

/** Most accounts of a file. */
const MAX_ACCOUNTS = 10_000;
const userSchema = z.string().min(1).max(128).regex(/^[^\p{Cc}]+$/u);
const passwordSchema = z.string().min(1).max(1_024);

/**
 * Reads `{ "<user>": "<password>", … }`.
 * @throws {SettingsError} with every fault and no secret
 */
export function parseAccounts(text: string, file: string): ReadonlyMap<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SettingsError([`${file}: is no JSON; expected {"<user>": "<password>"}`]); // the parser's own message would quote the file
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new SettingsError([`${file}: got another form of JSON; expected {"<user>": "<password>"}`]);
  const entries = Object.entries(parsed as Record<string, unknown>);
  const faults = entries.flatMap(([user, password], index) => {
    if (!userSchema.safeParse(user).success) return [`name ${index + 1}: is no user name; expected 1 to 128 characters without control characters`];
    return passwordSchema.safeParse(password).success ? [] : [`${user}: password is not text of 1 to 1024 characters`];
  });
  if (entries.length === 0) faults.push("has no account; expected at least one");
  if (entries.length > MAX_ACCOUNTS) faults.push(`has ${entries.length} accounts; expected at most ${MAX_ACCOUNTS}`);
  if (faults.length > 0) throw new SettingsError(faults.map((fault) => `${file}: ${fault}`));
  return new Map(entries as [string, string][]);
}

type Account = { password: string; hash?: Promise<Buffer> } | { password?: undefined; hash: Promise<Buffer> };

/** Hashes one password; replaced in tests. */
export type HashPassword = (password: string, salt: Buffer) => Promise<Buffer>;

export interface AccountsOptions {
  readonly accounts: ReadonlyMap<string, string>;
  readonly clusterKey: Buffer;
  /** Bounds the hashing that clients cause. */
  readonly queue: WorkQueue;
  readonly hash?: HashPassword;
}

export class Accounts {
  readonly #accounts: Map<string, Account>;
  readonly #queue: WorkQueue;
  readonly #hash: HashPassword;
  readonly #saltKey: Buffer;
  readonly #markKey: Buffer;
  /** Compared with when there is no such user; no password hashes to it. */
  readonly #nobody = randomBytes(HASH_BYTES);
  /** Checks under way: many clients that log in alike at once cost one hash. */
  readonly #checks = new Map<string, Promise<boolean>>();
  readonly #checkKey = randomBytes(HASH_BYTES);
  #warm = false;

  constructor({ accounts, clusterKey, queue, hash = hashPassword }: AccountsOptions) {
    this.#accounts = new Map([...accounts].map(([user, password]) => [user, { password }]));
    this.#queue = queue;
    this.#hash = hash;
    this.#saltKey = deriveKey(clusterKey, "chunkstore password salt 1");
    this.#markKey = deriveKey(clusterKey, "chunkstore password mark 1");
  }

  get count(): number {
    return this.#accounts.size;
  }

  /** Hashes all passwords, one after the other, so that first logins needn't; call once. */
  async warmUp(): Promise<void> {
    for (const user of this.#accounts.keys()) await this.#stored(user);
    this.#warm = true;
  }

  /**
   * Whether the password is the user's. Unknown users and wrong passwords take the same time.
   * @throws {QueueFull} when too many wait already
   */
  async verify(user: string, password: string): Promise<boolean> {
    const key = createHmac("sha256", this.#checkKey).update(JSON.stringify([user, password])).digest("hex");
    const running = this.#checks.get(key) ?? this.#check(user, password).finally(() => this.#checks.delete(key));
    this.#checks.set(key, running);
    return running;
  }

  async #check(user: string, password: string): Promise<boolean> {
    return this.#queue.run(async () => {
      const stored = await this.#stored(user);
      // Until all passwords are hashed a known user may cost two hashes, so an unknown one does, too.
      if (stored === undefined && !this.#warm) await this.#hash(password, this.#salt(user));
      const given = await this.#hash(password, this.#salt(user));
      return timingSafeEqual(given, stored ?? this.#nobody) && stored !== undefined;
    });
  }

  /** A secret that follows from user and password; see {@link Tokens}. */
  async mark(user: string): Promise<Buffer | undefined> {
    const stored = await this.#stored(user);
    return stored === undefined ? undefined : createHmac("sha256", this.#markKey).update(stored).digest();
  }

  #stored(user: string): Promise<Buffer> | undefined {
    const account = this.#accounts.get(user);
    if (account === undefined || account.password === undefined) return account?.hash;
    const hash = this.#hash(account.password, this.#salt(user));
    this.#accounts.set(user, { hash });
    return hash;
  }

  #salt(user: string): Buffer {
    return createHmac("sha256", this.#saltKey).update(user).digest();
  }
}

function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, HASH_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
