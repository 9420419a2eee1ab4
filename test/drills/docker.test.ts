/** Docker's types: a create whose reply is lost, or whose caller is killed while a container starts, makes nothing twice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestFleet } from "../support/fleet";
import { cloudOf, DOCKER_FILES, expectFinished, expectGone, expectSuccess, expectWhole, fleetConfig } from "./every-type";
import { killTree } from "./support";

const fleet = new TestFleet({ files: { "fleet.config.ts": fleetConfig({ docker: { program: "./docker.cjs" } }), ...DOCKER_FILES }, timeScale: 60 });
beforeAll(() => fleet.start());
afterAll(() => fleet.remove());

describe("a reply that is lost after the work was done", () => {
  // Each of the others is hit once in `types.test.ts`.
  it.each(["docker:index/network:Network", "docker:index/container:Container"])("leaves no second %s behind", async (type) => {
    await (await cloudOf(fleet)).addFault({ type, kind: "drop-reply" });
    expect((await fleet.report("up")).code).toBe(1);
    await expectFinished(fleet);
  });

  it("is settled by a destroy too", async () => {
    await (await cloudOf(fleet)).addFault({ type: "docker:index/container:Container", kind: "drop-reply" });
    expect((await fleet.report("up")).code).toBe(1);
    await expectGone(fleet);
  });
});

describe("a run that is killed with all its children", () => {
  it.each([
    ["while a container is created and waited for", "docker:index/container:Container"],
    ["while a network is created", "docker:index/network:Network"],
    ["while an image is built", "docker:index/remoteImage:RemoteImage"],
  ])("%s is finished by the next one", async (_moment, type) => {
    const run = fleet.operate("up", (event, { pid }) => {
      if (event.type === "resource.started" && event.resourceType === type && pid !== undefined) killTree(pid);
    });
    await run.exit;
    await expectFinished(fleet);
  });

  it("while it replaces a container is finished by the next one, and no name is in the way", async () => {
    await expectSuccess(fleet, "up");
    fleet.write("docker.cjs", DOCKER_FILES["docker.cjs"].replace('value: "chunkserver"', 'value: "other"'));
    const run = fleet.operate("up", (event, { pid }) => {
      if (event.type === "resource.started" && event.op === "create-replacement" && pid !== undefined) killTree(pid);
    });
    await run.exit;
    await expectSuccess(fleet, "up");
    await expectWhole(fleet);
    await expectGone(fleet);
  });
});
