import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Accounts, parseAccounts } from "../../../workloads/chunkstore/controller/accounts";
import { LoginGuard } from "../../../workloads/chunkstore/controller/loginGuard";
import { Tokens } from "../../../workloads/chunkstore/controller/tokens";
import { QueueFull, WorkQueue } from "../../../workloads/chunkstore/node";

const clusterKey = Buffer.from("k".repeat(40));
const quickHash = async (password: string, salt: Buffer): Promise<Buffer> => createHmac("sha256", salt).update(password).digest();

function accountsOf(passwords: Record<string, string>, key = clusterKey): Accounts {
  return new Accounts({ accounts: new Map(Object.entries(passwords)), clusterKey: key, queue: new WorkQueue(1, 16), hash: quickHash });
}

function tokensOf(accounts: Accounts, now = (): number => 1_000_000, key = clusterKey): Tokens {
  return new Tokens({ clusterKey: key, ttlSeconds: 60, now, mark: (user) => accounts.mark(user) });
}

describe("accounts", () => {
  it("accept the password and nothing else", async () => {
    const accounts = accountsOf({ ada: "secret", "__proto__x": "p" });
    expect(await accounts.verify("ada", "secret")).toBe(true);
    expect(await accounts.verify("ada", "Secret")).toBe(false);
    expect(await accounts.verify("ada", "")).toBe(false);
    expect(await accounts.verify("bob", "secret")).toBe(false);
    expect(await accounts.verify("constructor", "secret")).toBe(false);
    expect(await accounts.verify("__proto__x", "p")).toBe(true);
  });

  it("hash as often for an unknown user as for a wrong password, before and after all passwords are hashed", async () => {
    let hashes = 0;
    const accounts = new Accounts({
      accounts: new Map([["ada", "secret"]]), clusterKey, queue: new WorkQueue(1, 16), hash: (password, salt) => ((hashes += 1), quickHash(password, salt)),
    });
    const cost = async (user: string): Promise<number> => {
      hashes = 0;
      await accounts.verify(user, "wrong");
      return hashes;
    };
    expect(await cost("nobody")).toBe(await cost("ada"));
    await accounts.warmUp();
    expect([await cost("nobody"), await cost("ada")]).toEqual([1, 1]);
  });

  it("share one hash between clients that log in alike at once", async () => {
    let hashes = 0;
    const accounts = new Accounts({
      accounts: new Map([["ada", "secret"]]), clusterKey, queue: new WorkQueue(1, 2), hash: (password, salt) => ((hashes += 1), quickHash(password, salt)),
    });
    await accounts.warmUp();
    hashes = 0;
    expect(await Promise.all(Array.from({ length: 40 }, () => accounts.verify("ada", "secret")))).toEqual(Array.from({ length: 40 }, () => true));
    expect(hashes).toBe(1);
  });

  it("use a memory-hard hash when no other is given", async () => {
    const accounts = new Accounts({ accounts: new Map([["ada", "secret"]]), clusterKey, queue: new WorkQueue(1, 1) });
    expect(await accounts.verify("ada", "secret")).toBe(true);
    expect(await accounts.verify("ada", "secreT")).toBe(false);
  });

  it.each([
    ["no JSON at all: hunter2", "is no JSON"], ['["hunter2"]', "another form"], ["{}", "has no account"], ['{"ada": 5}', "ada: password is not text"],
    ['{"": "hunter2"}', "is no user name"], ['{"a\\nb": "hunter2"}', "is no user name"], [`{"ada": "${"hunter2".repeat(200)}"}`, "1 to 1024"],
  ])("refuse the file %s without quoting a password", (text, reason) => {
    expect(() => parseAccounts(text, "/accounts")).toThrow(reason);
    expect(() => parseAccounts(text, "/accounts")).not.toThrow("hunter2");
  });
});

describe("tokens", () => {
  it("are good at every controller of the cluster, and at no other", async () => {
    const { token } = await tokensOf(accountsOf({ ada: "secret" })).issue("ada");
    expect(await tokensOf(accountsOf({ ada: "secret", bob: "x" })).check(token)).toEqual({ kind: "valid", user: "ada" });
    const other = Buffer.from("o".repeat(40));
    expect(await tokensOf(accountsOf({ ada: "secret" }, other), undefined, other).check(token)).toEqual({ kind: "invalid" });
  });

  it("are void once the password has changed or the account is gone", async () => {
    const { token } = await tokensOf(accountsOf({ ada: "secret" })).issue("ada");
    expect(await tokensOf(accountsOf({ ada: "changed" })).check(token)).toEqual({ kind: "invalid" });
    expect(await tokensOf(accountsOf({ bob: "secret" })).check(token)).toEqual({ kind: "invalid" });
  });

  it("expire by the clock that is given", async () => {
    let now = 1_000_000;
    const tokens = tokensOf(accountsOf({ ada: "secret" }), () => now);
    const { token, expiresAt } = await tokens.issue("ada");
    expect(expiresAt).toBe(1_060_000);
    now = 1_059_999;
    expect((await tokens.check(token)).kind).toBe("valid");
    now = 1_060_000;
    expect((await tokens.check(token)).kind).toBe("expired");
  });

  it("are refused when anything in them is changed", async () => {
    const tokens = tokensOf(accountsOf({ ada: "secret", eve: "x" }));
    const { token } = await tokens.issue("eve");
    const [claims = "", mac = ""] = token.split(".");
    const forged = Buffer.from(JSON.stringify({ user: "ada", expiresAt: 2_000_000 })).toString("base64url");
    const longer = Buffer.from(JSON.stringify({ user: "eve", expiresAt: 2_000_000 })).toString("base64url");
    const last = mac.at(-1) === "A" ? "B" : "A";
    for (const bad of ["", ".", "a.b.c", claims, `${claims}.`, `${forged}.${mac}`, `${longer}.${mac}`, `${claims}.${mac.slice(0, -1)}${last}`, `${claims}.${mac}=`, `${claims}=.${mac}`, `${token}.x`, "x".repeat(5_000)]) {
      expect(await tokens.check(bad), bad).toEqual({ kind: "invalid" });
    }
  });
});

describe("the guard against guessing", () => {
  it("makes a user's attempts at one address wait, longer each time, and no one else's", () => {
    let now = 0;
    const guard = new LoginGuard(() => now);
    for (let attempt = 0; attempt < 4; attempt += 1) guard.failed("ada", "1.2.3.4");
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(0);
    guard.failed("ada", "1.2.3.4");
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(1_000);
    guard.failed("ada", "1.2.3.4");
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(2_000);
    for (let attempt = 0; attempt < 30; attempt += 1) guard.failed("ada", "1.2.3.4");
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(60_000);
    expect([guard.waitMs("ada", "9.9.9.9"), guard.waitMs("bob", "1.2.3.4")]).toEqual([0, 0]);
    now = 60_000;
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(0);
    guard.succeeded("ada", "1.2.3.4");
    guard.failed("ada", "1.2.3.4");
    expect(guard.waitMs("ada", "1.2.3.4")).toBe(0);
  });
});

describe("the queue of hashes", () => {
  it("runs a few at a time, in order, and refuses at once when too many wait", async () => {
    const queue = new WorkQueue(1, 2);
    const ends: (() => void)[] = [];
    const started: number[] = [];
    const work = (id: number) => () => new Promise<number>((resolve) => {
      started.push(id);
      ends.push(() => resolve(id));
    });
    const all = [queue.run(work(1)), queue.run(work(2)), queue.run(work(3))];
    await expect(queue.run(work(4))).rejects.toBeInstanceOf(QueueFull);
    expect(started).toEqual([1]);
    for (let id = 0; id < 3; id += 1) {
      ends[id]?.();
      await all[id];
      await Promise.resolve();
    }
    expect(started).toEqual([1, 2, 3]);
    await expect(queue.run(async () => { throw new Error("broken"); })).rejects.toThrow("broken");
    expect(await queue.run(async () => 5)).toBe(5);
  });
});
