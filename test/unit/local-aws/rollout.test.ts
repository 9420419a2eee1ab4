import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LaunchRate } from "../../../local/aws/ecs/launchRate";
import { rollout } from "../../../local/aws/ecs/rollout";
import type { PlannedTask } from "../../../local/aws/ecs/rollout";
import { ManualClock } from "./fake";

describe("the launch rate", () => {
  it("lets a burst of 100 go at once and 20 a second after that", async () => {
    const clock = new ManualClock();
    const rate = new LaunchRate(clock);
    const waits = Array.from({ length: 140 }, () => rate.take());
    expect(waits.filter((wait) => wait === 0)).toHaveLength(100);
    expect(waits.at(-1)).toBe(2);
    await clock.advance(7);
    expect(rate.take()).toBe(0);
  });
});

describe("a rolling update", () => {
  const task = fc.record({ current: fc.boolean(), ready: fc.boolean() });
  const state = fc
    .record({
      desired: fc.integer({ min: 0, max: 8 }),
      minimumPercent: fc.constantFrom(0, 50, 100),
      maximumPercent: fc.constantFrom(100, 150, 200),
      tasks: fc.array(task, { maxLength: 12 }),
    })
    .map((given) => ({ ...given, tasks: given.tasks.map((each, index): PlannedTask => ({ ...each, id: `t${index}` })) }));

  /** There must be room for one task more than the minimum, or one to spare: else ECS is stuck too. */
  const canRoll = (given: { desired: number; minimumPercent: number; maximumPercent: number }): boolean =>
    given.desired === 0 || Math.floor((given.desired * given.maximumPercent) / 100) > Math.ceil((given.desired * given.minimumPercent) / 100);

  it("never stops ready tasks below the minimum, and never starts above the maximum", () => {
    fc.assert(
      fc.property(state, (given) => {
        const { start, stop } = rollout(given);
        const left = given.tasks.filter((each) => !stop.includes(each.id));
        const minimum = Math.ceil((given.desired * given.minimumPercent) / 100);
        const readyBefore = given.tasks.filter((each) => each.ready).length;
        expect(left.filter((each) => each.ready).length).toBeGreaterThanOrEqual(Math.min(minimum, readyBefore));
        if (start > 0)
          expect(left.length + start).toBeLessThanOrEqual(
            Math.max(given.desired, Math.floor((given.desired * given.maximumPercent) / 100)),
          );
        expect(left.filter((each) => each.current).length + start).toBeLessThanOrEqual(given.desired);
      }),
    );
  });

  it("ends with exactly the desired tasks when every started task becomes ready", () => {
    fc.assert(
      fc.property(
        state.filter(canRoll),
        (given) => {
          let tasks: PlannedTask[] = given.tasks;
          for (let round = 0; round < 60; round += 1) {
            const { start, stop } = rollout({ ...given, tasks });
            const added = Array.from({ length: start }, (_, n) => ({ id: `n${round}-${n}`, current: true, ready: true }));
            tasks = [...tasks.filter((each) => !stop.includes(each.id)).map((each) => ({ ...each, ready: true })), ...added];
          }
          expect(tasks).toHaveLength(given.desired);
          expect(tasks.every((each) => each.current)).toBe(true);
        },
      ),
    );
  });
});
