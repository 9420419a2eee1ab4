/** What the chunk store's drills break, as data: how each thing is put back must outlive the drill that broke it. */
import { z } from "zod";

export const storeUndoSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("start"), container: z.string(), node: z.string() }),
  z.object({ kind: z.literal("rejoin"), container: z.string(), node: z.string(), network: z.string(), aliases: z.array(z.string()), side: z.string() }),
  z.object({ kind: z.literal("remove-network"), network: z.string() }),
  /** Every file whose name begins so. */
  z.object({ kind: z.literal("delete-files"), prefix: z.string().regex(/^drill-[0-9a-f]{8}$/) }),
]);
export type StoreUndo = z.infer<typeof storeUndoSchema>;

export function describeUndo(action: StoreUndo): string {
  switch (action.kind) {
    case "start": return `start ${action.node}`;
    case "rejoin": return `${action.node} back into network ${action.network}`;
    case "remove-network": return `remove network ${action.network}`;
    case "delete-files": return `delete the files ${action.prefix}-…`;
  }
}
