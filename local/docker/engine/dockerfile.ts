/** What the local cloud needs of a Dockerfile: labels and the health check of its last stage. Nothing is built. Pure. */
import { parseDuration } from "../duration";

/** Docker's health check; seconds. */
export interface ImageHealthCheck {
  /** `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`. */
  readonly test: string[];
  readonly intervalSeconds?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly startPeriodSeconds?: number | undefined;
  readonly retries?: number | undefined;
}

export interface Dockerfile {
  readonly labels: Readonly<Record<string, string>>;
  readonly healthCheck?: ImageHealthCheck;
}

/** Reads the instructions; what it doesn't know is passed over, as the build would do the rest. */
export function parseDockerfile(text: string): Dockerfile {
  let labels: Record<string, string> = {};
  let healthCheck: ImageHealthCheck | undefined;
  for (const line of logicalLines(text)) {
    const [, instruction = "", rest = ""] = /^(\w+)\s+(.*)$/s.exec(line) ?? [];
    switch (instruction.toUpperCase()) {
      case "FROM": // a new stage starts with nothing of the one before
        [labels, healthCheck] = [{}, undefined];
        break;
      case "LABEL":
        Object.assign(labels, labelsOf(rest));
        break;
      case "HEALTHCHECK":
        healthCheck = healthCheckOf(rest);
        break;
    }
  }
  return { labels, ...(healthCheck && { healthCheck }) };
}

/** Instructions in one line each: continued lines joined, comments left out. */
function logicalLines(text: string): string[] {
  const kept = text.split(/\r?\n/).filter((line) => !/^\s*#/.test(line)).join("\n");
  return kept.replaceAll(/\\[ \t]*\n/g, " ").split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** `key=value "other key"="a value"`. */
function labelsOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/("(?:[^"\\]|\\.)*"|[^\s=]+)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)/g);
  return Object.fromEntries([...pairs].map(([, key = "", value = ""]) => [unquoted(key), unquoted(value)]));
}

function unquoted(text: string): string {
  if (text.startsWith("'")) return text.slice(1, -1);
  return text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text;
}

function healthCheckOf(text: string): ImageHealthCheck | undefined {
  if (/^NONE$/i.test(text)) return { test: ["NONE"] };
  const [, options = "", command = ""] = /^((?:--\S+\s+)*)CMD\s+(.+)$/is.exec(text) ?? [];
  if (command === "") return undefined;
  const option = (name: string): number | undefined => {
    const value = new RegExp(`--${name}=(\\S+)`).exec(options)?.[1];
    return value === undefined ? undefined : parseDuration(value);
  };
  const retries = /--retries=(\d+)/.exec(options)?.[1];
  const [interval, timeout, startPeriod] = [option("interval"), option("timeout"), option("start-period")];
  return {
    test: words(command),
    ...(interval !== undefined && { intervalSeconds: interval }), ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(startPeriod !== undefined && { startPeriodSeconds: startPeriod }), ...(retries !== undefined && { retries: Number(retries) }),
  };
}

/** A JSON list is executed as it is, everything else by the shell. */
function words(command: string): string[] {
  try {
    const list: unknown = JSON.parse(command);
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) return ["CMD", ...list];
  } catch {
    // no JSON: the shell form
  }
  return ["CMD-SHELL", command];
}
