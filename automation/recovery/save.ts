/** Writes a checkpoint of a `file://` backend back, in the form that it was read in: plain, or compressed. */
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { checkpointFile, type CheckpointFile } from "../backend/checkpoint";
import { writeAtomic } from "../backend/files";

/** Atomic: a crash leaves the old checkpoint or the new one. */
export function saveCheckpoint(stateDir: string, project: string, stack: string, checkpoint: CheckpointFile): void {
  const file = savedFile(stateDir, project, stack);
  const text = `${JSON.stringify(checkpoint, undefined, 4)}\n`;
  writeAtomic(file, file.endsWith(".gz") ? gzipSync(text) : text);
}

/** A plain file beside a compressed one would be taken for the state for good, by whoever prefers it. */
export function savedFile(stateDir: string, project: string, stack: string): string {
  const plain = checkpointFile(stateDir, project, stack);
  return !existsSync(plain) && existsSync(`${plain}.gz`) ? `${plain}.gz` : plain;
}
