/** What the command line prints: names that can't steer the terminal, tables, sizes, times. */
import { stripVTControlCharacters } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import stringWidth from "string-width";

/** Control characters, line separators, and the marks that reverse the direction of what follows. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of others on one line, without anything that could steer the terminal. */
export function safe(text: string): string {
  return stripVTControlCharacters(text).replace(UNSAFE, "");
}

/** JSON on one line; what could steer a terminal is escaped, and means the same. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Columns as wide as their widest cell, numbers to the right; the last column as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const all = [head, ...rows].map((row) => row.map(safe));
  const widths = head.map((_, column) => Math.max(...all.map((row) => stringWidth(row[column] ?? ""))));
  const cell = (text: string, column: number): string => {
    if (column === head.length - 1) return text;
    const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - stringWidth(text)));
    return right.includes(column) ? space + text : text + space;
  };
  return all.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `512 B`, `4.0 MiB`, `1.2 GiB`. */
export function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `0:07`, `12:05`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** `2026-01-02 03:04:05Z`: times of a cluster are nobody's local time. */
export function time(iso: string): string {
  return new Date(iso).toISOString().replace("T", " ").replace(/\.\d+/, "");
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Edits that still look like a slip: two, or a third of the name where that is more. */
const SLIP_EDITS = 2;
const SLIP_SHARE = 1 / 3;

/** The candidate that was probably meant, if one is near enough. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const lower = name.toLowerCase();
  const found = closest(lower, candidates.map((candidate) => candidate.toLowerCase()));
  if (distance(lower, found) > Math.max(SLIP_EDITS, Math.floor(name.length * SLIP_SHARE))) return undefined;
  return candidates.find((candidate) => candidate.toLowerCase() === found);
}
