/** Text for terminals: safe, measured in columns, cut to fit. */
import { stripVTControlCharacters } from "node:util";

/** The engine's colour directives, as `<{%fg 1%}>`. */
const ENGINE_COLOUR = /<\{%[^%]*%\}>/g;
/** Control characters but tab and newline, and the marks that reverse the direction of what follows. */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from providers and programs without anything that could steer the terminal. Newlines stay. */
export function cleanText(text: string): string {
  return stripVTControlCharacters(text.replace(ENGINE_COLOUR, "")).replace(/\r\n?/g, "\n").replace(UNSAFE, "").replace(/\t/g, "  ");
}

/** The same on one line. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s*\n\s*/g, " ").trim();
}

/** Columns that a text takes. */
export function columnsOf(text: string): number {
  return isAscii(text) ? text.length : measure(text);
}

/** Cuts to a number of columns, with an ellipsis; never splits a character. */
export function fit(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns <= 1) return columns === 1 ? ELLIPSIS : "";
  let used = 0;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += columnsOf(segment);
    if (used > columns - 1) break;
    kept += segment;
  }
  return kept.trimEnd() + ELLIPSIS;
}

/** Cuts or pads to exactly a number of columns. */
export function cell(text: string, columns: number, align: "left" | "right" = "left"): string {
  const cut = fit(text, columns);
  const space = " ".repeat(Math.max(0, columns - columnsOf(cut)));
  return align === "left" ? cut + space : space + cut;
}

/** `0:07`, `12:05`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** `1 stack`, `2 stacks`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A type token as people say it: `aws:ecs/service:Service` → `ecs:Service`, `docker:index/container:Container` → `docker:Container`. */
export function shortType(token: string): string {
  const [pkg = "", modulePath = "", name = ""] = cleanLine(token).split(":");
  const module = modulePath.split("/")[0] ?? "";
  return `${module === "" || module === "index" ? pkg : module}:${name}`;
}

const ELLIPSIS = "…";

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

let stringWidth: ((text: string) => number) | undefined;

/** Loaded at the first text that needs it: most runs have none, and it costs 25 ms. */
function measure(text: string): number {
  stringWidth ??= (require("string-width") as typeof import("string-width")).default;
  return stringWidth(text);
}
