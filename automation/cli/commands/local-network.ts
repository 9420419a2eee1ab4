/** `local network …`: who is on which network of the local cloud, and links that are cut, slowed and healed. */
import type { SetLink } from "../../../local/protocol";
import { plural } from "../../render/text";
import type { CliContext } from "../context";
import { EXIT } from "../errors";
import { table } from "../table";
import { running, type JsonOption } from "./local";

export interface OneWayOption { readonly oneWay?: boolean }

export async function networkList(options: JsonOption, context: CliContext): Promise<number> {
  const { networks, links } = await (await running(context)).networks();
  if (options.output === "json") {
    context.stdout.write(`${JSON.stringify({ networks, links })}\n`);
    return EXIT.ok;
  }
  if (networks.length === 0) context.stderr.write("no container is on a network\n");
  else {
    context.stdout.write(table(["NETWORK", "CONTAINER", "ADDRESS", "STATUS", "ALIASES"], networks.flatMap(({ name, members }) =>
      members.map(({ id, address, status, aliases }) => [name, id, address, status, aliases.join(", ")]))));
  }
  if (links.length > 0) context.stdout.write(`\n${table(["FROM", "TO", "LINK"], links.map((one) => [one.from, one.to, stateOf(one)]))}`);
  return EXIT.ok;
}

export async function networkCut(a: string, b: string, options: OneWayOption, context: CliContext): Promise<number> {
  return set(a, b, { kind: "cut" }, options, context);
}

export async function networkSlow(a: string, b: string, options: OneWayOption & { readonly delay: number }, context: CliContext): Promise<number> {
  return set(a, b, { kind: "slow", delayMs: options.delay }, options, context);
}

async function set(a: string, b: string, link: SetLink["link"], { oneWay = false }: OneWayOption, context: CliContext): Promise<number> {
  const cloud = await running(context);
  const ways = oneWay ? [[a, b] as const] : [[a, b] as const, [b, a] as const];
  for (const [from, to] of ways) await cloud.setLink(from, to, link);
  context.stdout.write(`${stateOf({ from: a, to: b, link })}: ${ways.map(([from, to]) => `${from} to ${to}`).join(", ")}\n`);
  return EXIT.ok;
}

export async function networkHeal(between: readonly [string, string] | undefined, context: CliContext): Promise<number> {
  const healed = await (await running(context)).heal(between);
  context.stdout.write(healed.length === 0 ? "nothing to heal: every link is open\n" : `healed ${plural(healed.length, "link")}: ${healed.map(({ from, to }) => `${from} to ${to}`).join(", ")}\n`);
  return EXIT.ok;
}

function stateOf({ link }: SetLink): string {
  return link.kind === "slow" ? `slow by ${link.delayMs} ms` : link.kind;
}
