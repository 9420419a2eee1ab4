/** What a target adds to the environment, and how recovery reaches its APIs: the running local cloud, or the real one. */
import { diskFull, isDiskFull } from "../disk";
import { FleetError } from "../errors";
import type { Layout, Target } from "../layout";
import type { AwsAccess } from "../recovery/aws";
import type { DockerAccess } from "../recovery/docker";

export interface Attachment {
  /** Variables for the CLI and for by-hand shells. */
  readonly env: Readonly<Record<string, string>>;
  readonly aws: AwsAccess;
  readonly docker: DockerAccess;
}

/** Starts the local cloud when it is not running. The cloud target needs nothing. */
export async function attach(layout: Layout, target: Target, options: { readonly report: (line: string) => void; readonly signal?: AbortSignal }): Promise<Attachment> {
  if (target === "cloud") {
    const host = process.env["DOCKER_HOST"];
    return { env: {}, aws: { timeScale: 1 }, docker: host ? { host } : {} };
  }
  const { ensureStarted } = await import("../../local/client.js");
  try {
    const client = await ensureStarted({ dir: layout.localCloud, report: options.report, ...(options.signal && { signal: options.signal }) });
    const env = client.env();
    const { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, DOCKER_HOST: host } = env;
    return {
      env,
      aws: {
        timeScale: client.info.timeScale,
        ...(endpoint && { endpoint }),
        ...(accessKeyId && secretAccessKey && { credentials: { accessKeyId, secretAccessKey } }),
      },
      docker: { only: true, ...(host && { host }) },
    };
  } catch (cause) {
    if (isDiskFull(cause)) throw diskFull(`the local cloud can't start in ${layout.localCloud}`, cause);
    const { fix } = cause as { fix?: unknown };
    throw new FleetError("local-cloud-unavailable", cause instanceof Error ? cause.message : String(cause), {
      source: "tool", cause, ...(typeof fix === "string" && { fix }),
    });
  }
}
