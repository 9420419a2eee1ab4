/** A state folder that can't be written, read or filled further: one clear error, and nothing that was deployed is lost. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, statfsSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CLI, TestFleet } from "../support/fleet";

//   network ◄─ service
const files = {
  "fleet.config.ts": `
    import { defineFleet } from "stackfleet";
    export default defineFleet({ stacks: {
      network: { program: "./network.cjs", region: "eu-west-1" },
      service: { program: "./service.cjs", region: "eu-west-1", dependsOn: ["network"] },
    } });`,
  "network.cjs": `
    const aws = require("@pulumi/aws");
    exports.program = async () => {
      const vpc = new aws.ec2.Vpc("main", { cidrBlock: "10.0.0.0/16" });
      const subnet = new aws.ec2.Subnet("main", { vpcId: vpc.id, cidrBlock: "10.0.1.0/24" });
      return { subnetId: subnet.id };
    };`,
  // Goes on when there is no (longer a) file of this name.
  "service.cjs": `
    const aws = require("@pulumi/aws");
    const { existsSync } = require("node:fs");
    const { setTimeout } = require("node:timers/promises");
    exports.program = async () => {
      const { arn } = new aws.ecs.Cluster("main", {});
      while (existsSync(__dirname + "/gate")) await setTimeout(10);
      return { arn, url: new aws.s3.Bucket("files", {}).bucket };
    };`,
};

async function expectWhole(fleet: TestFleet): Promise<void> {
  const { live, createdTwice } = await fleet.verdict();
  expect({ createdTwice, live: [...live].sort() }).toEqual({ createdTwice: [], live: [...fleet.recorded()].sort() });
  expect(live.size).toBe(4);
}

describe("a checkpoint that is corrupt", () => {
  const fleet = new TestFleet({ files });
  beforeAll(() => fleet.start());
  afterAll(() => fleet.remove());

  it("stops the run before anything starts, names the file and its backup, and the backup goes on", async () => {
    expect((await fleet.report("up")).code).toBe(0);
    const calls = (await fleet.ledger()).length;
    const file = fleet.checkpointFile("network");
    truncateSync(file, Math.floor(readFileSync(file).length / 2));
    for (const operation of ["up", "preview", "destroy"]) {
      const { code, stdout, stderr } = await fleet.plain(operation);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toBe(`error: stack network: the checkpoint can't be read: ${file} is not a Pulumi checkpoint [checkpoint-corrupt]\n`
        + "  fix: restore it from Pulumi's backup of the last good one (network.json.bak beside it, older ones under .pulumi/backups), then run the command again\n");
    }
    expect(await fleet.ledger()).toHaveLength(calls);
    copyFileSync(`${file}.bak`, file);
    expect((await fleet.report("up")).code).toBe(0);
    await expectWhole(fleet);
    expect((await fleet.report("destroy")).code).toBe(0);
    expect([...(await fleet.verdict()).live]).toEqual([]);
  });
});

/** 65534 is "nobody" on every Linux; root is refused nothing, so it lends itself out. */
const OTHER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const readableByOther = spawnSync(process.execPath, [CLI, "--version"], { ...OTHER, cwd: "/", env: { PATH: process.env["PATH"], HOME: "/nonexistent" } }).status === 0;

describe("a state folder without permission", () => {
  const fleet = new TestFleet({ files });
  beforeAll(() => chmodSync(fleet.root, 0o555));
  afterAll(() => {
    chmodSync(fleet.root, 0o755);
    return fleet.remove();
  });

  function asOther(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, [CLI, ...args], { ...OTHER, cwd: fleet.root, env: { ...fleet.env(), HOME: "/nonexistent" }, encoding: "utf8", timeout: 60_000 });
  }

  it.skipIf(!readableByOther)("is one error with exit code 1 when it can't be made", () => {
    const { status, stdout, stderr } = asOther("up");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe(`error: the state folder can't be written; got EACCES for ${fleet.state()} [state-not-writable]\n`
      + "  fix: give your user write permission on it, or set STACKFLEET_ROOT to a folder of your own\n");
    expect(existsSync(fleet.state())).toBe(false);
  });

  it.skipIf(!readableByOther).each([
    ["up", ["up"]], ["preview", ["preview"]], ["status", ["status"]], ["local start", ["local", "start"]], ["env", ["env"]],
  ])("is one error for %s when only its inside is another user's", (_name, args) => {
    chmodSync(fleet.root, 0o755);
    for (const inside of [["local"], ["runs"]]) mkdirSync(fleet.state(...inside), { recursive: true, mode: 0o700 });
    if (OTHER.uid !== undefined) chownSync(fleet.state(), OTHER.uid, OTHER.gid);
    else for (const inside of ["local", "runs"]) chmodSync(fleet.state(inside), 0);
    try {
      const { status, stderr } = asOther(...args);
      expect({ status, errors: stderr.match(/^error: .*/gm) }).toEqual({ status: 1, errors: [expect.stringMatching(/permission|EACCES/)] });
      expect(stderr).toMatch(/\n {2}fix: /);
      expect(stderr).not.toMatch(/\n\s+at /);
    } finally {
      for (const inside of ["local", "runs"]) chmodSync(fleet.state(inside), 0o700);
    }
  });
});

/** A file system of its own, small enough to fill. @returns false where mounting is not allowed */
function mountSmall(folder: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=32m,mode=0755", "tmpfs", folder]).status === 0;
}

function mayMount(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), "stackfleet-mount-"));
  const may = mountSmall(folder);
  if (may) execFileSync("umount", [folder]);
  rmdirSync(folder);
  return may;
}

/** Takes the space that is free now, and none that a run gives back because of that. */
function fill(file: string): void {
  const { bavail, bsize } = statfsSync(path.dirname(file));
  const block = Buffer.alloc(bavail * bsize, 1);
  const descriptor = openSync(file, "w");
  try {
    for (let left = block.length; left > 0;) left -= writeSync(descriptor, block, 0, left);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC"); // somebody else was quicker
  } finally {
    closeSync(descriptor);
  }
}

describe.skipIf(!mayMount())("a full disk", () => {
  const disk = mkdtempSync(path.join(tmpdir(), "stackfleet-disk-"));
  const filler = path.join(disk, "filler");
  let fleet: TestFleet;

  beforeAll(async () => {
    expect(mountSmall(disk)).toBe(true);
    fleet = new TestFleet({ files, root: disk });
    await fleet.start();
  });
  afterAll(async () => {
    try {
      await fleet.run("local", "stop", "--force");
    } finally {
      execFileSync("umount", [disk]);
      rmdirSync(disk);
    }
  });

  it("keeps a run from starting, with one error that says so", async () => {
    fill(filler);
    const { code, stdout, stderr } = await fleet.plain("up");
    rmSync(filler);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: the disk is full: .+ \[disk-full\]\n {2}fix: free some space and run the same command again\n$/);
    expect(await fleet.ledger()).toEqual([]);
  });

  it.each([
    ["resource.started", "network"], ["stack.finished", "network"], ["resource.started", "service"],
  ] as const)("ends a run at %s of %s with one error, and the next run goes on from what was saved", async (type, stack) => {
    let noticed: Promise<unknown> | undefined;
    const gate = path.join(disk, "gate");
    writeFileSync(gate, "");
    let stderr = "";
    let told: string[] = [];
    const run = fleet.operate("up", (event) => {
      if (noticed === undefined && event.type === type && event.stack === stack) {
        fill(filler);
        noticed = vi.waitUntil(() => !existsSync(fleet.state("reserve")), { timeout: 30_000 }).finally(() => rmSync(gate));
      }
      if (event.type === "run.finished") told = event.stacks.flatMap(({ error }) => (error === undefined || error.code === "dependency-failed" ? [] : [`${error.message} [${error.code}]`]));
    });
    run.child.stderr?.on("data", (chunk: Buffer) => { stderr += chunk.toString(); });
    const code = await run.exit;
    rmSync(filler);
    await noticed;
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/\n\s+at /);
    // By the stack that met it, or by the run when every stack's saves found room in time.
    expect([...told, ...stderr.match(/^error: .*/gm) ?? []]).toEqual([expect.stringMatching(/^(error: )?the disk is full.* \[disk-full\]$/)]);
    expect((await fleet.report("up")).code).toBe(0);
    await expectWhole(fleet);
    expect((await fleet.report("destroy")).code).toBe(0);
    expect([...(await fleet.verdict()).live]).toEqual([]);
  });
});
