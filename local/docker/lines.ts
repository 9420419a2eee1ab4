/** The lines of a container's log at once. */
import type { CloudContext } from "../model";

/** Without their line ends. @param tail the last so many only @default all */
export async function linesOf(runtimeId: string, cloud: CloudContext, tail?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of cloud.runtime.logs(runtimeId, tail === undefined ? {} : { tail })) lines.push(line);
  return lines;
}
