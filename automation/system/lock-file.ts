/** A lock that is a file: one holder at a time, named in the file, and never stuck behind a dead one. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { lifeOf, ownIdentity } from "./process-identity";

/** Who holds a lock, as its file says; locks add what they need to name their holder. */
export const holderSchema = z.object({ host: z.string(), bootId: z.string().optional(), pid: z.number().int(), startedAt: z.string().optional() });
type Identity = z.infer<typeof holderSchema>;

/** A dead holder's file may be removed by two at once; more often than this is no accident. */
const MOST_ATTEMPTS = 4;

/** @returns the living holder; undefined when the file is gone, or its holder is proven dead */
export function holderOf<Holder extends Identity>(file: string, schema: z.ZodType<Holder>): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const holder = schema.parse(JSON.parse(text));
  return lifeOf(holder) === "dead" ? undefined : holder;
}

/**
 * Takes the lock for this process.
 * @param about what the file says beside the process
 * @param refusal the error to throw; its argument is undefined when the holder can't be told, because it changes all the time
 * @returns the function that gives the lock back
 */
export function takeLock<Holder extends Identity>(file: string, schema: z.ZodType<Holder>, about: Omit<Holder, keyof Identity>, refusal: (holder: Holder | undefined) => Error): () => void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify({ ...about, ...ownIdentity() }));
    // A hard link appears whole or not at all, and fails when the name is taken; a dead holder's file is removed.
    for (let attempt = 1; !tryLink(temporary, file); attempt++) {
      const holder = holderOf(file, schema);
      if (holder !== undefined || attempt > MOST_ATTEMPTS) throw refusal(holder);
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  return () => rmSync(file, { force: true });
}

/**
 * Gives a lock back where it should not have been taken. The check comes after the taking: of two that check each other, one at least
 * sees the other.
 * @returns the function that gives it back
 * @throws what the check throws
 */
export function keepIf(check: () => void, release: () => void): () => void {
  try {
    check();
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
