/** The type of the chunk store's drills. */
import type { Drill } from "../model";
import type { ChunkStore } from "./store";
import type { StoreUndo } from "./undo";

export type StoreDrill = Drill<ChunkStore, StoreUndo>;
