/** The chunk store's drills, in the order in which they run. */
import { chunkserverLoss } from "./chunkserver-loss";
import { conflict } from "./conflict";
import { controllerRestart } from "./controller-restart";
import { crashDuringUpload } from "./crash-during-upload";
import { diskCorruption } from "./disk-corruption";
import type { StoreDrill } from "./drill";
import { fullReplication } from "./full-replication";
import { metadataLoss } from "./metadata-loss";
import { partitionDrill } from "./partition";
import { startup } from "./startup";

export const CHUNKSTORE_DRILLS: readonly StoreDrill[] = [
  fullReplication, controllerRestart, chunkserverLoss, partitionDrill, conflict, crashDuringUpload, diskCorruption, startup, metadataLoss,
];
