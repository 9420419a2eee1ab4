/** Logins as tokens that every controller can check without asking another: signed, expiring, void once the password changes. */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** Longest token that is looked at, in characters; ours stay below 600. */
const MAX_TOKEN = 2_048;

const claimsSchema = z.strictObject({ user: z.string(), expiresAt: z.number() });

export type TokenCheck = { readonly kind: "valid"; readonly user: string } | { readonly kind: "expired" } | { readonly kind: "invalid" };

export interface TokenOptions {
  /** Of the whole cluster, so that a token is good at every controller. */
  readonly clusterKey: Buffer;
  readonly ttlSeconds: number;
  /** Cluster time, milliseconds since 1970: one wrong clock must neither expire tokens nor revive them. */
  readonly now: () => number;
  /** A secret that changes with the user's password and is alike at all controllers; undefined when there is no such user. */
  readonly mark: (user: string) => Promise<Buffer | undefined>;
}

/** Issues and checks tokens of the form `<claims>.<HMAC-SHA256>`, both base64url. The user's mark is signed with the claims and not part of the token. */
export class Tokens {
  readonly #options: TokenOptions;
  readonly #key: Buffer;

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#key = deriveKey(options.clusterKey, "chunkstore token 1");
  }

  /** @throws {Error} when there is no such user */
  async issue(user: string): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const mark = await this.#options.mark(user);
    if (mark === undefined) throw new Error("a token is issued to users only");
    const expiresAt = Math.floor(this.#options.now() + this.#options.ttlSeconds * 1000);
    const claims = Buffer.from(JSON.stringify({ user, expiresAt })).toString("base64url");
    return { token: `${claims}.${this.#sign(claims, mark)}`, expiresAt };
  }

  async check(token: string): Promise<TokenCheck> {
    if (token.length > MAX_TOKEN) return { kind: "invalid" };
    const [text, signature, ...rest] = token.split(".");
    const claims = text === undefined ? undefined : parseClaims(text);
    if (text === undefined || signature === undefined || rest.length > 0 || claims === undefined) return { kind: "invalid" };
    const mark = await this.#options.mark(claims.user);
    const good = equal(signature, this.#sign(text, mark ?? Buffer.alloc(32)));
    if (!good || mark === undefined) return { kind: "invalid" };
    return this.#options.now() >= claims.expiresAt ? { kind: "expired" } : { kind: "valid", user: claims.user };
  }

  #sign(claims: string, mark: Buffer): string {
    return createHmac("sha256", this.#key).update(mark).update(".").update(claims).digest("base64url");
  }
}

/** 32 bytes for one purpose out of the cluster's key (HKDF-SHA256, RFC 5869). */
export function deriveKey(clusterKey: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", clusterKey, Buffer.alloc(0), purpose, 32));
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function parseClaims(text: string): z.infer<typeof claimsSchema> | undefined {
  try {
    return claimsSchema.safeParse(JSON.parse(Buffer.from(text, "base64url").toString("utf8"))).data;
  } catch {
    return undefined; // not JSON, so not one of our tokens
  }
}
