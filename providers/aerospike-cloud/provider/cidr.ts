/** IPv4 blocks as numbers. */

export interface Block { readonly first: number; readonly last: number; readonly prefix: number }

/** @returns undefined for what is no IPv4 block */
export function parseCidr(text: string): Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const numbers = match?.slice(1).map(Number);
  if (numbers === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = numbers;
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) return undefined;
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** Whether the text names the first address of its block: `10.128.0.0/19`, not `10.128.1.0/19`. */
export function isAligned(text: string): boolean {
  const block = parseCidr(text);
  const address = text.split("/")[0]?.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return block !== undefined && address === block.first;
}

export function overlap(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  return one !== undefined && other !== undefined && one.first <= other.last && other.first <= one.last;
}
