/** Policy: no security group lets the internet in. */
import { isObject, listOf, type Rule, violation } from "./rule";

const GROUPS = new Set(["aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"]);
const RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
const INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList";
const PREFIX_LIST_ENTRY = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry";

/**
 * Longest prefixes that still count as the internet at large: the blocks that IANA hands to whole regional registries, of which no single
 * organisation holds a larger one. Catches `0.0.0.0/0` cut in halves. Source: IANA IPv4 (/8) and IPv6 unicast (/12) registries.
 */
const PUBLIC_PREFIX = { ipv4: 7, ipv6: 12 } as const;

export const noPublicIngress: Rule = {
  name: "no-public-ingress",
  description: "No security group, rule or prefix list lets in traffic from the whole internet.",
  check({ type, props }) {
    return blocksOf(type, props).filter(({ block }) => isPublic(block)).map(({ path, block }) =>
      violation(path, "open to the internet", block, "a security group or a block of known addresses", "name who may connect; use a load balancer or a VPN for everybody else"));
  },
};

interface NamedBlock { readonly path: string; readonly block: unknown }

/** What a prefix list holds is checked where the list is made; a rule shows its ID only. */
function blocksOf(type: string, props: Readonly<Record<string, unknown>>): readonly NamedBlock[] {
  if (GROUPS.has(type)) {
    return listOf(props["ingress"]).flatMap((rule, index) => (isObject(rule) ? [
      ...named(`ingress[${index}].cidrBlocks`, rule["cidrBlocks"]), ...named(`ingress[${index}].ipv6CidrBlocks`, rule["ipv6CidrBlocks"]),
    ] : []));
  }
  switch (type) {
    case RULE: return props["type"] === "egress" ? [] : [...named("cidrBlocks", props["cidrBlocks"]), ...named("ipv6CidrBlocks", props["ipv6CidrBlocks"])];
    case INGRESS_RULE: return [{ path: "cidrIpv4", block: props["cidrIpv4"] }, { path: "cidrIpv6", block: props["cidrIpv6"] }];
    case PREFIX_LIST: return listOf(props["entries"]).flatMap((entry, index) => (isObject(entry) ? [{ path: `entries[${index}].cidr`, block: entry["cidr"] }] : []));
    case PREFIX_LIST_ENTRY: return [{ path: "cidr", block: props["cidr"] }];
    default: return [];
  }
}

function named(path: string, blocks: unknown): readonly NamedBlock[] {
  return listOf(blocks).map((block, index) => ({ path: `${path}[${index}]`, block }));
}

/** True for a block that is too large to be anybody's own, in whatever way its address is written (`::/0`, `0:0::/0`). */
export function isPublic(block: unknown): boolean {
  if (typeof block !== "string") return false;
  const [address = "", prefix] = block.trim().split("/");
  if (prefix === undefined || !/^\d+$/.test(prefix)) return false;
  return Number(prefix) <= (address.includes(":") ? PUBLIC_PREFIX.ipv6 : PUBLIC_PREFIX.ipv4);
}
