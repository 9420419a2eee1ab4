/** Plans a region without creating anything: how users are dealt out to tasks, and how many tasks a block has room for. */
import { RESERVED_ADDRESSES, VPC_PREFIX } from "../cidr";

/** Tasks that are alike. */
export interface TaskGroup {
  readonly tasks: number;
  /** Virtual users of each of these tasks. */
  readonly virtualUsers: number;
}

/**
 * Deals the virtual users out to as few tasks as can carry them, exactly and as evenly as possible: at most two groups, whose
 * shares differ by one, the larger share first. 777 users at 200 a task: 1 × 195 and 3 × 194.
 *
 * @param virtualUsers whole, at least 1
 * @param usersPerTask most users that one task carries; whole, at least 1
 */
export function planTaskGroups(virtualUsers: number, usersPerTask: number): readonly TaskGroup[] {
  const tasks = Math.ceil(virtualUsers / usersPerTask);
  const share = Math.floor(virtualUsers / tasks);
  const withOneMore = virtualUsers % tasks;
  const groups = [{ tasks: withOneMore, virtualUsers: share + 1 }, { tasks: tasks - withOneMore, virtualUsers: share }];
  return groups.filter((group) => group.tasks > 0);
}

/** Addresses for tasks in all subnets of such a split; zero or less when the subnets would be too small to exist. */
export function taskAddresses(prefix: number, subnets: number): number {
  const subnetPrefix = prefix + Math.ceil(Math.log2(subnets));
  return subnetPrefix > VPC_PREFIX.max ? 0 : subnets * (2 ** (32 - subnetPrefix) - RESERVED_ADDRESSES);
}
