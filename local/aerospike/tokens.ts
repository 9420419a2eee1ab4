/** API keys and the access tokens that they are exchanged for. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { SCOPES, type Scope } from "../../providers/aerospike-cloud/api/schemas";

/** An API key of the local account. */
export interface ApiKey { readonly id: string; readonly secret: string; readonly scopes: readonly Scope[] }

/** The keys that every local account has, derived from one secret of the daemon, so that they outlive its restarts. */
export function localKeys(seed: string): { readonly full: ApiKey; readonly readOnly: ApiKey } {
  const derive = (use: string, length: number) => createHmac("sha256", seed).update(`aerospike-cloud ${use}`).digest("base64url").slice(0, length);
  return {
    full: { id: derive("key id", 32), secret: derive("key secret", 43), scopes: SCOPES },
    readOnly: { id: derive("read-only key id", 32), secret: derive("read-only key secret", 43), scopes: ["read:database"] },
  };
}

interface Issued { readonly scopes: readonly Scope[]; readonly expiresAt: number }

export class Tokens {
  readonly #issued = new Map<string, Issued>();

  /** @param now real milliseconds */
  constructor(private readonly keys: readonly ApiKey[], private readonly now: () => number) {}

  /** undefined: no such key. @param lifetimeMs real milliseconds */
  issue(id: string, secret: string, lifetimeMs: number): { readonly token: string; readonly scopes: readonly Scope[] } | undefined {
    const key = this.keys.find((one) => same(one.id, id) && same(one.secret, secret));
    if (key === undefined) return undefined;
    for (const [token, { expiresAt }] of this.#issued) if (expiresAt < this.now()) this.#issued.delete(token);
    const token = randomBytes(32).toString("base64url");
    this.#issued.set(token, { scopes: key.scopes, expiresAt: this.now() + lifetimeMs });
    return { token, scopes: key.scopes };
  }

  /** What the bearer may do; `expired` once it was good, undefined never. */
  check(header: string | undefined): readonly Scope[] | "expired" | undefined {
    const token = /^Bearer (.+)$/.exec(header ?? "")?.[1];
    const issued = token === undefined ? undefined : this.#issued.get(token);
    if (issued === undefined) return undefined;
    return issued.expiresAt < this.now() ? "expired" : issued.scopes;
  }
}

function same(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
