import { spawn } from "node:child_process";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { withLock } from "../../../automation/toolchain/lock";
import { temporaryFolder } from "./support";

const unexpected = (): never => { throw new Error("nobody else holds the lock"); };

describe("the toolchain lock", () => {
  it("lets one hold it at a time and names the holder to the others", async () => {
    const file = path.join(temporaryFolder(), "lock");
    const order: string[] = [];
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const first = withLock(file, { onWait: unexpected }, async () => {
      held.resolve();
      await release.promise;
      order.push("first");
    });
    await held.promise;
    const second = withLock(file, { onWait: (holder) => { order.push(`waits for ${holder}`); release.resolve(); } }, async () => { order.push("second"); });
    await Promise.all([first, second]);
    expect(order).toEqual([`waits for ${process.pid}`, "first", "second"]);
  });

  it("is free again after a failure", async () => {
    const file = path.join(temporaryFolder(), "lock");
    await expect(withLock(file, { onWait: unexpected }, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await withLock(file, { onWait: unexpected }, () => Promise.resolve(7))).toBe(7);
  });

  it("is free in the moment its holder is killed", async () => {
    const file = path.join(temporaryFolder(), "lock");
    const holder = spawn(process.execPath, ["-e", `
      const { DatabaseSync } = require("node:sqlite");
      const database = new DatabaseSync(process.argv[1]);
      database.exec("BEGIN EXCLUSIVE");
      console.log("held");
      setInterval(() => database.location(), 1000);`, file], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    let waited = false;
    expect(await withLock(file, { onWait: () => { waited = true; holder.kill("SIGKILL"); } }, () => Promise.resolve(7))).toBe(7);
    expect(waited).toBe(true);
  });

  it("is not waited for after an abort", async () => {
    const file = path.join(temporaryFolder(), "lock");
    const abort = new AbortController();
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const first = withLock(file, { onWait: unexpected }, () => { held.resolve(); return release.promise; });
    await held.promise;
    await expect(withLock(file, { onWait: () => abort.abort(), signal: abort.signal }, unexpected)).rejects.toMatchObject({ code: "interrupted" });
    release.resolve();
    await first;
  });
});
