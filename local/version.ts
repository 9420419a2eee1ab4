/** The version of this package, from the `package.json` above the running code (sources and `dist` lie at different depths). */
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";

/** @throws {Error} when no `package.json` lies above the code */
export function packageVersion(from: string = __dirname): string {
  for (let dir = from; dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const file = path.join(dir, "package.json");
    if (existsSync(file)) return String((JSON.parse(readFileSync(file, "utf8")) as { version?: unknown }).version);
  }
  throw new Error(`no package.json above ${from}`);
}
