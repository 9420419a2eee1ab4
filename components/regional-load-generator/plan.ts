/** Plans a region without creating anything: how users are dealt out to tasks, and addresses to subnets. */

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

/** An IPv4 block. */
interface Block { readonly address: number; readonly prefix: number }

/** Sizes a VPC and a subnet may have. Source: Amazon VPC User Guide, "VPC CIDR blocks". */
export const VPC_PREFIX = { min: 16, max: 28 } as const;
/** Addresses of each subnet that AWS keeps. Source: Amazon VPC User Guide, "Subnet sizing". */
const RESERVED_ADDRESSES = 5;

/** @returns undefined unless the text is an IPv4 block with no host bits set */
export function parseCidr(text: string): Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  // Arithmetic instead of bit operations, which are signed in JavaScript.
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return address % 2 ** (32 - prefix) === 0 ? { address, prefix } : undefined;
}

function formatCidr({ address, prefix }: Block): string {
  const octets = [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(address / unit) % 256);
  return `${octets.join(".")}/${prefix}`;
}

/** Splits a block into equal subnets, the largest that fit so many times. @throws {RangeError} when the block isn't one */
export function planSubnets(cidrBlock: string, count: number): readonly string[] {
  const block = parseCidr(cidrBlock);
  if (!block) throw new RangeError(`not an IPv4 block: ${cidrBlock}`);
  const prefix = block.prefix + Math.ceil(Math.log2(count));
  return Array.from({ length: count }, (_, index) => formatCidr({ address: block.address + index * 2 ** (32 - prefix), prefix }));
}

/** Addresses for tasks in all subnets of such a split; zero or less when the subnets would be too small to exist. */
export function taskAddresses(prefix: number, subnets: number): number {
  const subnetPrefix = prefix + Math.ceil(Math.log2(subnets));
  return subnetPrefix > VPC_PREFIX.max ? 0 : subnets * (2 ** (32 - subnetPrefix) - RESERVED_ADDRESSES);
}
