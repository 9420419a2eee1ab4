/** DynamoDB's data plane: one dynalite for each account and region, its files in the daemon's folder, reached over loopback. */
import { mkdirSync } from "node:fs";
import { Agent, request } from "node:http";
import type { Server } from "node:http";
import path from "node:path";
import dynalite from "dynalite";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import { partitionOf } from "../arn";
import type { Place } from "../arn";

/** An answer of the engine: a status and a JSON text. */
export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

// dynalite asks for a signature and never checks it: who calls is the business of the API front.
const SIGNATURE = "AWS4-HMAC-SHA256 Credential=local/20000101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=local";

/** The engines of one cloud; each starts with the first call for its place. */
export class DynamoEngines {
  readonly #root: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running = new Map<string, Promise<Server>>();
  #closed = false;

  constructor(root: string) {
    this.#root = root;
  }

  /** Sends one call, `target` as in `DynamoDB_20120810.PutItem`. */
  async send(place: Place, target: string, body: string): Promise<EngineAnswer> {
    const server = await this.#engine(place);
    const answer = await post(server, this.#agent, target, body);
    // dynalite takes account and region for its ARNs from the environment, once for the whole process.
    const prefix = `arn:${partitionOf(place.region)}:dynamodb:${place.region}:${place.account}:`;
    return { ...answer, body: answer.body.replace(/arn:aws:dynamodb:[\w-]*:\d*:/g, prefix) };
  }

  /** Sends one call and hands its answer back as data. @throws {ServiceError} with the service's code */
  async call(place: Place, operation: string, input: object): Promise<Record<string, unknown>> {
    const { status, body } = await this.send(place, `DynamoDB_20120810.${operation}`, JSON.stringify(input));
    const data = JSON.parse(body) as Record<string, unknown>;
    if (status === 200) return data;
    const code =
      String(data["__type"] ?? "InternalServerError")
        .split("#")
        .at(-1) ?? "InternalServerError";
    throw new ServiceError(code, String(data["message"] ?? data["Message"] ?? `${operation} failed`), status);
  }

  /** Waits for running calls and closes the files. */
  async close(): Promise<void> {
    this.#closed = true;
    const servers = await Promise.all(this.#running.values());
    this.#running.clear();
    this.#agent.destroy();
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve, reject) => {
            server.close((error) => (error ? reject(error) : resolve()));
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #engine(place: Place): Promise<Server> {
    // A late call must not open the files again behind the next daemon's back.
    if (this.#closed) throw new Error("the DynamoDB engines have been closed");
    const key = `${place.account}/${place.region}`;
    const known = this.#running.get(key) ?? this.#start(path.join(this.#root, place.account, place.region));
    this.#running.set(key, known);
    return known;
  }

  #start(folder: string): Promise<Server> {
    mkdirSync(folder, { recursive: true });
    // The latency of a table's life is the local cloud's, in simulated time; here it takes none.
    const server = dynalite({ path: folder, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => resolve(server));
    });
  }
}

function post(server: Server, agent: Agent, target: string, body: string): Promise<EngineAnswer> {
  const address = server.address();
  if (address === null || typeof address === "string") return Promise.reject(new Error("the DynamoDB engine has been closed"));
  return new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        host: "127.0.0.1",
        port: address.port,
        method: "POST",
        path: "/",
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "content-length": Buffer.byteLength(body),
          "x-amz-target": target,
          "x-amz-date": "20000101T000000Z",
          authorization: SIGNATURE,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () => resolve({ status: response.statusCode ?? 500, body: Buffer.concat(chunks).toString("utf8") }));
        response.once("error", reject);
      },
    );
    call.once("error", reject);
    call.end(body);
  });
}

const engines = new WeakMap<object, DynamoEngines>();

/** The engines of a cloud. */
export function dynamoEngines(cloud: Pick<CloudContext, "store" | "dataDir">): DynamoEngines {
  const known = engines.get(cloud.store) ?? new DynamoEngines(path.join(cloud.dataDir, "dynamodb"));
  engines.set(cloud.store, known);
  return known;
}
