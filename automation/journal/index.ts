/** The append-only record of a run. The truth about resources is Pulumi's checkpoint, never the journal. */
export { JournalWriter, type JournalFiles, type JournalWriterOptions } from "./writer";
export { followJournal, readJournal, type FollowOptions, type JournalContents } from "./reader";
export { KEPT_RUNS, latestRun, listRuns, newRunId, pruneRuns } from "./runs";
