/** The calls of the Docker Engine API that recovery needs, to a real engine or to the local cloud's. */
import { Agent, request } from "undici";
import { z } from "zod";
import { CantTell } from "./lookup";

/** Where Docker listens when nothing says otherwise (dockerd's `--host` default). */
const DEFAULT_HOST = "unix:///var/run/docker.sock";
const ANSWER_TIMEOUT_MS = 15_000;
/** Docker's registered port without TLS. */
const PLAIN_PORT = "2375";

// API reference v1.24 and later; everything else in the answers is ignored.
const containerSchema = z.object({
  Id: z.string(),
  State: z.object({ Status: z.string(), Health: z.object({ Status: z.string() }).nullish() }),
});
export type DockerContainer = z.infer<typeof containerSchema>;
const containerList = z.array(z.object({ Id: z.string(), Names: z.array(z.string()) }));
const networkList = z.array(z.object({ Id: z.string(), Name: z.string() }));
const volumeSchema = z.object({ Name: z.string() });

/** `key=value` of a label that must be there, or nothing. */
type Filters = { readonly label?: string };

export class DockerApi {
  private readonly agent: Agent;
  private readonly origin: string;

  /**
   * @param host as in `DOCKER_HOST` @default /var/run/docker.sock
   * @throws CantTell for a host that can't be asked from here: over SSH or TLS
   */
  constructor(private readonly host: string = DEFAULT_HOST) {
    const { socketPath, origin } = place(host);
    this.origin = origin;
    this.agent = new Agent({ headersTimeout: ANSWER_TIMEOUT_MS, bodyTimeout: ANSWER_TIMEOUT_MS, connect: { timeout: 5_000, ...(socketPath !== undefined && { socketPath }) } });
  }

  /** Running or not. Names without Docker's leading slash. */
  async containers({ label }: Filters): Promise<{ readonly id: string; readonly names: readonly string[] }[]> {
    const found = await this.get(`/containers/json?all=true${filtered(label)}`, containerList);
    return (found ?? []).map(({ Id, Names }) => ({ id: Id, names: Names.map((name) => name.replace(/^\//, "")) }));
  }

  /** Undefined: there is none. */
  container(id: string): Promise<DockerContainer | undefined> {
    return this.get(`/containers/${encodeURIComponent(id)}/json`, containerSchema);
  }

  async networks({ label }: Filters): Promise<{ readonly id: string; readonly name: string }[]> {
    return ((await this.get(`/networks?${filtered(label).slice(1)}`, networkList)) ?? []).map(({ Id, Name }) => ({ id: Id, name: Name }));
  }

  async hasVolume(name: string): Promise<boolean> {
    return (await this.get(`/volumes/${encodeURIComponent(name)}`, volumeSchema)) !== undefined;
  }

  /** With its anonymous volumes. One that is gone is no error. */
  async removeContainer(id: string): Promise<void> {
    await this.call("DELETE", `/containers/${encodeURIComponent(id)}?force=true&v=true`, [404, 409]);
  }

  private async get<T>(route: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const reply = await this.call("GET", route, [404]);
    if (reply.status === 404) return undefined;
    const parsed = schema.safeParse(reply.body);
    if (parsed.success) return parsed.data;
    throw new Error(`the answer of Docker at ${this.host} to GET ${route.split("?")[0] ?? ""} is not as documented: ${parsed.error.issues[0]?.message ?? "another form"}`);
  }

  private async call(method: "GET" | "DELETE", route: string, expected: readonly number[]): Promise<{ readonly status: number; readonly body: unknown }> {
    const reply = await request(`${this.origin}${route}`, { method, dispatcher: this.agent }).catch((cause: unknown) => {
      throw new Error(`no answer from Docker at ${this.host}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
    const text = await reply.body.text();
    if (reply.statusCode >= 300 && !expected.includes(reply.statusCode)) throw new Error(`Docker at ${this.host} refused ${method} ${route.split("?")[0] ?? ""}: ${text.slice(0, 200)} (${reply.statusCode})`);
    return { status: reply.statusCode, body: parse(text) };
  }
}

function filtered(label: string | undefined): string {
  return label === undefined ? "" : `&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`;
}

function place(host: string): { readonly socketPath?: string; readonly origin: string } {
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length), origin: "http://localhost" };
  const url = /^(tcp|http):\/\//.test(host) ? URL.parse(host.replace(/^tcp:/, "http:")) : null;
  if (url !== null && !process.env["DOCKER_TLS_VERIFY"]) return { origin: `http://${url.hostname}:${url.port || PLAIN_PORT}` };
  throw new CantTell(`its provider reaches Docker at ${host}, and recovery can ask engines at unix:// and plain tcp:// only`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // checked against a schema next
  }
}
