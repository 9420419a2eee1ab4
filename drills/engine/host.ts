/** Where a Docker engine listens, as `DOCKER_HOST` says it. Pure. */
import * as path from "node:path";
import { DrillError } from "../errors";

export type EngineHost =
  | { readonly kind: "unix"; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly origin: string; readonly certificates?: string };

/** Where Docker listens when nothing else is said (dockerd's `--host` default). */
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/**
 * `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, as the docker command reads them.
 * @throws DrillError `docker-host-invalid`
 */
export function engineHost(env: Readonly<Record<string, string | undefined>>): EngineHost {
  const text = env["DOCKER_HOST"] || DEFAULT_HOST;
  if (text.startsWith("unix://")) {
    const socketPath = text.slice("unix://".length);
    if (path.isAbsolute(socketPath)) return { kind: "unix", socketPath };
  }
  if (/^(tcp|http|https):\/\//.test(text)) return tcpHost(text, env);
  throw new DrillError("docker-host-invalid", `DOCKER_HOST can't be used; got ${text}; expected unix:///path/of/socket or tcp://host:port`,
    { usage: true, fix: text.startsWith("ssh://") ? "forward the engine's socket (ssh -L /tmp/docker.sock:/var/run/docker.sock …) and name that" : "set it as the docker command needs it" });
}

function tcpHost(text: string, env: Readonly<Record<string, string | undefined>>): EngineHost {
  const secure = text.startsWith("https://") || Boolean(env["DOCKER_TLS_VERIFY"]);
  const url = URL.parse(text.replace(/^\w+:/, secure ? "https:" : "http:"));
  if (url === null || url.hostname === "") throw new DrillError("docker-host-invalid", `DOCKER_HOST is no address; got ${text}; expected tcp://host:port`, { usage: true, fix: "set it as the docker command needs it" });
  const port = url.port || (secure ? "2376" : "2375"); // Docker's registered ports
  const origin = `${secure ? "https" : "http"}://${url.hostname}:${port}`;
  const certificates = secure ? env["DOCKER_CERT_PATH"] || (env["HOME"] && path.join(env["HOME"], ".docker")) : undefined;
  return { kind: "tcp", origin, ...(certificates && { certificates }) };
}

/** For messages. */
export function describeHost(host: EngineHost): string {
  return host.kind === "unix" ? `unix://${host.socketPath}` : host.origin;
}
