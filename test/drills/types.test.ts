/** Every type of the local cloud: a create whose reply is lost, or whose caller is killed, is found again and never made twice. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { awsPackage } from "../../local/aws/index";
import { dockerPackage } from "../../local/docker/index";
import { TestFleet } from "../support/fleet";
import { cloudOf, EVERY_TYPE, expectFinished, expectGone, expectWhole, SECRETS } from "./every-type";
import { killTree } from "./support";

const TYPES = [...awsPackage.resources, ...dockerPackage.resources].map(({ type }) => type);
/** Each failed run loses at least one layer of the program's references. */
const MOST_RUNS = 20;
const FAST = 2000;

// Slow enough for all that can be made at once to be under way when the first reply is lost: the engine starts nothing after that.
const fleet = new TestFleet({ files: EVERY_TYPE, timeScale: 60 });
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

describe("a reply that is lost, once for every type", () => {
  it("is settled by the next runs, with each resource made once", async () => {
    const cloud = await cloudOf(fleet);
    for (const type of TYPES) await cloud.addFault({ type, kind: "drop-reply" });
    let errors: unknown[] = [];
    let code: number | null = 1;
    for (let run = 1; run <= MOST_RUNS && code !== 0; run++) {
      const { code: ended, report } = await fleet.report("up");
      code = ended;
      errors = report.stacks.flatMap(({ error }) => error ?? []);
    }
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
    expect((await cloud.faults()).filter(({ fired }) => !fired)).toEqual([]); // each type was really hit
    await cloud.setTimeScale(FAST);
    await expectWhole(fleet);
    const state = ["all", "docker"].map((stack) => readFileSync(fleet.checkpointFile(stack), "utf8")).join();
    for (const secret of SECRETS) expect(state).not.toContain(secret);
    await expectGone(fleet);
    await cloud.clearFaults();
  });
});

describe("a run that is killed with all its children while creates hang", () => {
  it("is finished by the next one, whatever the types", async () => {
    const cloud = await cloudOf(fleet);
    const types = ["aws:ec2/eip:Eip", "aws:iam/role:Role", "aws:ssm/parameter:Parameter", "aws:kms/key:Key", "aws:amp/workspace:Workspace", "aws:s3/bucketV2:BucketV2",
      "docker:index/network:Network", "docker:index/volume:Volume", "docker:index/remoteImage:RemoteImage"];
    for (const type of types) await cloud.addFault({ type, kind: "hang" });
    const hanging = new Set(types);
    const run = fleet.operate("up", (event, { pid }) => {
      if (event.type !== "resource.started") return;
      hanging.delete(event.resourceType);
      if (hanging.size === 0 && pid !== undefined) killTree(pid);
    });
    await run.exit;
    await cloud.clearFaults();
    await expectFinished(fleet);
  });
});
