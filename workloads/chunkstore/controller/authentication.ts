/** Logging in, and who a request comes from. */
import type { FastifyRequest } from "fastify";
import type { Counter } from "prom-client";
import { loginRequestSchema, type LoginReply } from "../contract/clientApi";
import { QueueFull } from "../node";
import type { Accounts } from "./accounts";
import type { LoginGuard } from "./loginGuard";
import type { Log } from "./ports";
import { RequestRefused } from "./refusal";
import { addressOf } from "./requests";
import type { Tokens } from "./tokens";

export interface AuthenticationOptions {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly guard: LoginGuard;
  readonly log: Log;
  readonly logins: Pick<Counter<"outcome">, "inc">;
}

export class Authentication {
  readonly #users = new WeakMap<FastifyRequest, string>();

  constructor(private readonly options: AuthenticationOptions) {}

  /** @throws {RequestRefused} `wrong-credentials`, `too-many-requests`, `invalid-request` */
  async login(request: FastifyRequest): Promise<LoginReply> {
    const { tokens, guard, log, logins } = this.options;
    const parsed = loginRequestSchema.safeParse(request.body);
    if (!parsed.success) throw new RequestRefused("invalid-request", `body: ${parsed.error.issues.map(({ path, message }) => `${path.join(".") || "whole"}: ${message}`).join("; ")}; expected {"user", "password"}`);
    const { user, password } = parsed.data;
    const address = addressOf(request);
    const wait = guard.waitMs(user, address);
    if (wait > 0) throw this.#tooMany("too many failed attempts", wait);
    const good = await this.#verify(user, password);
    logins.inc({ outcome: good ? "accepted" : "wrong" });
    if (!good) {
      guard.failed(user, address);
      log.warn({ user, address }, "login failed");
      throw new RequestRefused("wrong-credentials", "user or password is wrong");
    }
    guard.succeeded(user, address);
    log.info({ user, address }, "logged in");
    const { token, expiresAt } = await tokens.issue(user);
    return { token, user, expiresAt: new Date(expiresAt).toISOString() };
  }

  /** Lets requests with a good token pass. @throws {RequestRefused} `unauthenticated`, `token-expired`, `token-invalid` */
  async require(request: FastifyRequest): Promise<void> {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) throw refused("unauthenticated", "no token was sent", "log in and send Authorization: Bearer <token>");
    const check = await this.options.tokens.check(token);
    if (check.kind === "expired") throw refused("token-expired", "the token has expired", "log in again");
    if (check.kind === "invalid") throw refused("token-invalid", "the token is not valid here; it may be forged, or the password has changed since", "log in again");
    this.#users.set(request, check.user);
  }

  /** Whose request it is; after {@link require}. */
  userOf(request: FastifyRequest): string {
    const user = this.#users.get(request);
    if (user === undefined) throw new Error("the request was not authenticated");
    return user;
  }

  async #verify(user: string, password: string): Promise<boolean> {
    try {
      return await this.options.accounts.verify(user, password);
    } catch (error) {
      if (error instanceof QueueFull) throw this.#tooMany("too many logins at once", 2_000);
      throw error;
    }
  }

  #tooMany(what: string, waitMs: number): RequestRefused {
    this.options.logins.inc({ outcome: "delayed" });
    const seconds = Math.ceil(waitMs / 1000);
    return new RequestRefused("too-many-requests", what, { fix: `try again in ${seconds} s`, headers: { "retry-after": String(seconds) } });
  }
}

function refused(code: "unauthenticated" | "token-expired" | "token-invalid", message: string, fix: string): RequestRefused {
  return new RequestRefused(code, message, { fix, headers: { "www-authenticate": "Bearer" } });
}
