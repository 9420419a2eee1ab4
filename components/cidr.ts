/** IPv4 blocks: parsing, overlap, and their split into subnets. Pure. */

/** An IPv4 block. */
export interface Block { readonly address: number; readonly prefix: number }

/** Sizes a VPC and a subnet may have. Source: Amazon VPC User Guide, "VPC CIDR blocks". */
export const VPC_PREFIX = { min: 16, max: 28 } as const;
/** Addresses of each subnet that AWS keeps. Source: Amazon VPC User Guide, "Subnet sizing". */
export const RESERVED_ADDRESSES = 5;

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

/** Whether two blocks share an address; false when one of them is none. */
export function overlap(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  if (!one || !other) return false;
  return one.address < other.address + 2 ** (32 - other.prefix) && other.address < one.address + 2 ** (32 - one.prefix);
}

/** Whether all of `inner` lies in `outer`; false when one of them is no block. */
export function contains(outer: string, inner: string): boolean {
  const [around, within] = [parseCidr(outer), parseCidr(inner)];
  return around !== undefined && within !== undefined && within.prefix >= around.prefix && overlap(outer, inner);
}
