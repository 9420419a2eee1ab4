/** The version of an installed package, without loading the package. */
import { readFileSync } from "node:fs";

/** @throws {Error} when the package isn't installed */
export function installedVersion(name: string): string {
  const file = require.resolve(`${name}/package.json`);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return version.replace(/^v/, "");
}
