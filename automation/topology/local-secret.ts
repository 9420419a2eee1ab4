/** Secrets that the local target makes up where the environment has none: random, made once, kept for the owner alone. */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import type { SecretFromEnvironment } from "./types";

/** Names the folder of such secrets to programs; set in the local target only. */
export const LOCAL_SECRETS_VARIABLE = "STACKFLEET_LOCAL_SECRETS";

/** 256 bits, 64 characters as hex: nothing that a shell or a parser of options could take for something else. */
const SECRET_BYTES = 32;

/**
 * The secret that a reference means: the variable's value, else, in the local target, the one that is made up and kept.
 * @param env of a program: `STACKFLEET_LOCAL_SECRETS` names the folder
 * @returns undefined when the variable is needed and not set
 */
export function secretOf({ secretFromEnv: variable, generateLocally = false }: SecretFromEnvironment, env: NodeJS.ProcessEnv): string | undefined {
  const given = env[variable];
  const folder = env["STACKFLEET_TARGET"] === "local" ? env[LOCAL_SECRETS_VARIABLE] : undefined;
  return given ?? (generateLocally && folder ? localSecret(folder, variable) : undefined);
}

/** One value a variable, whichever stack asks first, and however many at once. */
function localSecret(folder: string, variable: string): string {
  const file = path.join(folder, variable);
  return readSecret(file) ?? makeSecret(folder, file);
}

/** A link, unlike a rename, refuses when somebody else was faster, and nobody ever sees a file half written. */
function makeSecret(folder: string, file: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, `${randomBytes(SECRET_BYTES).toString("hex")}\n`, { mode: 0o600, flag: "wx", flush: true });
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  const made = readSecret(file);
  if (made === undefined) throw new Error(`a secret was removed while it was made; got nothing in ${file}; expected the file; run the same command again`);
  return made;
}

function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
