/** The undo log as a file, replaced atomically; gone when nothing is due. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { DrillError } from "./errors";
import type { UndoLog } from "./undo";

/** Where the drills of a stack write down what is due. A run looks for it too, to warn: automation/run/drill-lock.ts. */
export function undoPath(stateDir: string, stack: string): string {
  return path.join(stateDir, `${stack}.undo.json`);
}

/** @param schema of one action; a file that is not of this form is an error that names it, because what it says must not be lost */
export function undoFile<A>(file: string, schema: z.ZodType<A>): UndoLog<A> {
  return {
    read: () => {
      const text = readIfExists(file);
      if (text === undefined) return [];
      try {
        return z.array(schema).parse(JSON.parse(text));
      } catch (error) {
        throw new DrillError("undo-log-unreadable", `what an earlier drill left to put back can't be read; got ${file}; expected the list that a drill wrote`,
          { fix: `look at it, put its containers and networks back by hand, and remove it`, cause: error });
      }
    },
    write: (actions) => (actions.length === 0 ? rmSync(file, { force: true }) : replace(file, `${JSON.stringify(actions, undefined, 2)}\n`)),
  };
}

function replace(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, "w", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}

function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
