import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCidr, planSubnets } from "../../../components/cidr";
import { planTaskGroups, taskAddresses } from "../../../components/regional-load-generator/plan";

const users = fc.integer({ min: 1, max: 1_000_000 });
const perTask = fc.integer({ min: 1, max: 1000 });

describe("planTaskGroups", () => {
  it.each([
    [5, [{ tasks: 1, virtualUsers: 5 }]],
    [200, [{ tasks: 1, virtualUsers: 200 }]],
    [202, [{ tasks: 2, virtualUsers: 101 }]],
    [777, [{ tasks: 1, virtualUsers: 195 }, { tasks: 3, virtualUsers: 194 }]],
  ])("deals %i users out at 200 a task", (virtualUsers, groups) => {
    expect(planTaskGroups(virtualUsers, 200)).toEqual(groups);
  });

  it("deals out exactly the users there are, to as few tasks as can carry them", () => {
    fc.assert(fc.property(users, perTask, (virtualUsers, usersPerTask) => {
      const groups = planTaskGroups(virtualUsers, usersPerTask);
      expect(groups.reduce((sum, group) => sum + group.tasks * group.virtualUsers, 0)).toBe(virtualUsers);
      expect(groups.reduce((sum, group) => sum + group.tasks, 0)).toBe(Math.ceil(virtualUsers / usersPerTask));
    }));
  });

  it("gives no task more than it carries, none nothing, and no two shares that differ by more than one", () => {
    fc.assert(fc.property(users, perTask, (virtualUsers, usersPerTask) => {
      const shares = planTaskGroups(virtualUsers, usersPerTask).map((group) => group.virtualUsers);
      expect(shares.length).toBeLessThanOrEqual(2);
      expect(Math.max(...shares)).toBeLessThanOrEqual(usersPerTask);
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }));
  });
});

const vpc = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 25 }))
  .map(([second, third, prefix]) => `10.${second}.${prefix >= 24 ? third : 0}.0/${prefix}`);

/** First and last address of a block. */
function range(cidr: string): [number, number] {
  const block = parseCidr(cidr);
  if (!block) throw new Error(`not a block: ${cidr}`);
  return [block.address, block.address + 2 ** (32 - block.prefix) - 1];
}

describe("planSubnets", () => {
  it("splits a block in two halves for two zones", () => {
    expect(planSubnets("10.0.0.0/16", 2)).toEqual(["10.0.0.0/17", "10.0.128.0/17"]);
    expect(planSubnets("172.16.0.0/16", 3)).toEqual(["172.16.0.0/18", "172.16.64.0/18", "172.16.128.0/18"]);
  });

  it("keeps every subnet inside the VPC and apart from the others", () => {
    fc.assert(fc.property(vpc, fc.integer({ min: 1, max: 6 }), (cidr, count) => {
      const [first, last] = range(cidr);
      const subnets = planSubnets(cidr, count).map(range);
      expect(subnets).toHaveLength(count);
      for (const [index, [from, to]] of subnets.entries()) {
        expect(from).toBeGreaterThanOrEqual(index === 0 ? first : (subnets[index - 1]?.[1] ?? 0) + 1);
        expect(to).toBeLessThanOrEqual(last);
      }
    }));
  });

  it("counts the addresses that AWS leaves for tasks", () => {
    expect(taskAddresses(24, 2)).toBe(2 * (128 - 5));
    expect(taskAddresses(28, 1)).toBe(11);
    expect(taskAddresses(28, 2)).toBe(0);
  });
});

describe("parseCidr", () => {
  it.each(["10.0.0.0", "10.0.0.1/16", "10.0.0.0/33", "256.0.0.0/8", "::/0", "10.0.0.0/16 ", ""])("refuses %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it("reads addresses beyond 127.255.255.255", () => {
    expect(parseCidr("192.168.0.0/16")).toEqual({ address: 3_232_235_520, prefix: 16 });
  });
});
