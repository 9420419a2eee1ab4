/** Options that several commands share, and how their values are read. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { TARGETS, type Target } from "../layout";

/** Options of every command that reads the config. */
export interface FleetOptions { readonly config?: string; readonly target: Target }

export function withFleetOptions(command: Command): Command {
  return command
    .option("--config <file>", "fleet.config.ts, or a Constellation JSON file (default: found from this folder upwards)")
    .addOption(new Option("--target <target>", "where the stacks live").choices(TARGETS).default("local"));
}

export function outputOption(choices: readonly string[], description: string): Option {
  return new Option("--output <form>", description).choices(choices);
}

export function requiredOption(flags: string, description: string, choices?: readonly string[]): Option {
  const option = new Option(flags, description).makeOptionMandatory();
  return choices ? option.choices(choices) : option;
}

/** `auto` or a positive whole number. */
export function parseParallel(text: string): number | "auto" {
  return text === "auto" ? "auto" : positiveInteger(text, "auto or a whole number from 1 up");
}

export function parseNth(text: string): number {
  return positiveInteger(text, "a whole number from 1 up");
}

/** Simulated seconds a second. */
export function parseTimeScale(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("expected a number above 0.");
  return value;
}

/** A time such as `200ms` or `1.5s`, in milliseconds; more than no time, and at most a minute. */
export function parseDelay(text: string): number {
  const [, number = "", unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  const ms = number === "" ? Number.NaN : Number(number) * (unit === "s" ? 1_000 : 1);
  if (!(ms > 0 && ms <= 60_000)) throw new InvalidArgumentError("expected a time above 0 and up to 60s, as 200ms or 1.5s.");
  return ms;
}

function positiveInteger(text: string, expected: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`expected ${expected}.`);
  return Number(text);
}
