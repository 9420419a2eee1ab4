/** Tables of text on stdout: columns as wide as their widest cell, the last one as it is. */
import { cell, cleanLine, columnsOf } from "../render/text";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(cleanLine));
  const widths = head.map((_, column) => Math.max(...all.map((row) => columnsOf(row[column] ?? ""))));
  const line = (row: readonly string[]): string => row.map((text, column) => (column === head.length - 1 ? text : cell(text, widths[column] ?? 0))).join("  ").trimEnd();
  return `${all.map(line).join("\n")}\n`;
}
