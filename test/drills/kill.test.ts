/**
 * The promise of resume: whenever a run is stopped or killed, the same command finishes it, nothing is created twice and
 * nothing is left behind. STACKFLEET_KILLS sets how many seeded moments are tried.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DrillFleet, killTree, seeded } from "./support";

const MOMENTS = Number(process.env["STACKFLEET_KILLS"] ?? 20);
const SEED = Number(process.env["STACKFLEET_SEED"] ?? 20261121);

const fleet = new DrillFleet({ "us-east-2": 202, "eu-west-1": 5 });
let events = 0;

beforeAll(async () => {
  await fleet.start();
  // One undisturbed run tells how many events there are to be killed at.
  expect(await fleet.operate("up", ({ seq }) => { events = seq; }).exit).toBe(0);
  expect(await fleet.operate("destroy", () => undefined).exit).toBe(0);
}, 180_000);
afterAll(() => fleet.remove(), 60_000);

async function expectWhole(): Promise<void> {
  const { live, createdTwice } = await fleet.verdict();
  expect(createdTwice).toEqual([]);
  expect([...live].sort()).toEqual([...fleet.recorded()].sort());
}

async function expectGone(): Promise<void> {
  expect(await fleet.operate("destroy", () => undefined).exit).toBe(0);
  const { live, createdTwice } = await fleet.verdict();
  expect({ live: [...live], createdTwice }).toEqual({ live: [], createdTwice: [] });
}

describe("a run that is killed with all its children", () => {
  const random = seeded(SEED);
  for (let moment = 1; moment <= MOMENTS; moment++) {
    const fraction = random();
    it(`is finished by the next one: moment ${moment}, at ${(fraction * 100).toFixed(1)} % of the events`, async () => {
      const at = Math.max(1, Math.round(fraction * events));
      const run = fleet.operate("up", ({ seq }, { pid }) => { if (seq === at && pid !== undefined) killTree(pid); });
      await run.exit;
      const errors: unknown[] = [];
      const next = fleet.operate("up", (event) => { if (event.type === "run.finished") errors.push(...event.stacks.flatMap(({ error }) => error ?? [])); });
      expect({ code: await next.exit, errors }).toEqual({ code: 0, errors: [] });
      await expectWhole();
      await expectGone();
    }, 120_000);
  }
});

describe("a run that is interrupted", () => {
  it.each([0.1, 0.3, 0.5, 0.8])("by one signal saves what is in flight and is finished by the next: at %f of the events", async (fraction) => {
    const at = Math.max(1, Math.round(fraction * events));
    let sent = false;
    const run = fleet.operate("up", ({ seq }, child) => { if (seq >= at && !sent) sent = child.kill("SIGINT"); });
    expect(await run.exit).toBe(130);
    await expectWhole(); // nothing pending, nothing unknown to the state
    expect(await fleet.operate("up", () => undefined).exit).toBe(0);
    await expectWhole();
    await expectGone();
  }, 120_000);

  it.each(["SIGTERM", "SIGHUP"] as const)("by %s ends as by Ctrl+C", async (signal) => {
    let sent = false;
    const run = fleet.operate("up", ({ type }, child) => { if (type === "resource.started" && !sent) sent = child.kill(signal); });
    expect(await run.exit).toBe(130);
    await expectWhole();
    await expectGone();
  }, 120_000);
});
