/** OAuth access tokens of one API key: fetched once, kept until shortly before they expire, fetched once for all who wait. */
import { ApiError } from "./errors";
import { SharedWork } from "./shared";

export interface Token { readonly value: string; readonly expiresInSeconds: number }

/** A token is renewed when less than this share of its life is left, so that none expires under way. */
const RENEW_AT_SHARE_LEFT = 0.1;

export class TokenCache {
  #current: { readonly value: string; readonly renewAt: number } | undefined;
  readonly #renewal = new SharedWork((signal) => this.#renew(signal));

  /** @param now milliseconds that never go back */
  constructor(private readonly fetchToken: (signal: AbortSignal) => Promise<Token>, private readonly now: () => number) {}

  /** @throws the signal's reason at once; whoever else waits gets the token all the same */
  get(signal?: AbortSignal): Promise<string> {
    if (this.#current !== undefined && this.now() < this.#current.renewAt) return Promise.resolve(this.#current.value);
    return this.#renewal.join(signal);
  }

  /** The service refused this one: it is not handed out again. */
  reject(value: string): void {
    if (this.#current?.value === value) this.#current = undefined;
  }

  async #renew(signal: AbortSignal): Promise<string> {
    const { value, expiresInSeconds } = await this.fetchToken(signal);
    this.#current = { value, renewAt: this.now() + expiresInSeconds * 1000 * (1 - RENEW_AT_SHARE_LEFT) };
    return value;
  }
}

/** @throws {ApiError} naming every credential that is missing */
export function requireCredentials(credentials: { readonly keyId?: string; readonly secret?: string }): { keyId: string; secret: string } {
  const { keyId, secret } = credentials;
  if (keyId !== undefined && keyId !== "" && secret !== undefined && secret !== "") return { keyId, secret };
  const missing = [...(keyId ? [] : ["AEROSPIKE_CLOUD_KEY"]), ...(secret ? [] : ["AEROSPIKE_CLOUD_SECRET"])];
  throw new ApiError("unauthorized", `no API key for Aerospike Cloud: ${missing.join(" and ")} not set; make one in the console under API Keys, then set both variables or the provider's apiKeyId and apiKeySecret`);
}
