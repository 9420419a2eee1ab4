/** A real chunkserver on a temporary folder and an ephemeral loopback port, and what speaks to it. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";
import { request } from "undici";
import { onTestFinished } from "vitest";
import { startChunkserver, type Chunkserver, type ChunkserverOptions } from "../../../workloads/chunkstore/chunkserver";
import { realFiles, type FileSystem } from "../../../workloads/chunkstore/chunkserver/files";
import type { NodeClient } from "../../../workloads/chunkstore/contract/ports";
import type { FileRecord } from "../../../workloads/chunkstore/contract/record";
import { readSettings, type ChunkserverSettings } from "../../../workloads/chunkstore/node";
import { createNodeClient, nodeTls, type Log } from "../../../workloads/chunkstore/transport";
import { writeFileSync } from "node:fs";

export const KEY = "0123456789abcdef0123456789abcdef0123456789abcdef";

export interface Line { readonly level: keyof Log; readonly fields: Record<string, unknown>; readonly message: string }

/** A log to look into. */
export function memoryLog(): Log & { readonly lines: Line[]; readonly messages: () => string[] } {
  const lines: Line[] = [];
  const at = (level: keyof Log) => (fields: object, message: string): void => { lines.push({ level, fields: { ...fields }, message }); };
  return { lines, messages: () => lines.map(({ message }) => message), debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "stackfleet-chunkserver-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function settingsFor(folder: string, environment: Record<string, string> = {}): ChunkserverSettings {
  const keyFile = path.join(folder, "cluster-key");
  writeFileSync(keyFile, `${KEY}\n`);
  return readSettings({ DATA_DIR: path.join(folder, "data"), CLUSTER_KEY_FILE: keyFile, DISK_RESERVE_MIB: "0", ...environment }, "chunkserver");
}

export interface TestServer extends Chunkserver {
  readonly dataDir: string;
  readonly log: ReturnType<typeof memoryLog>;
  /** Of another node. */
  readonly client: NodeClient;
}

export interface TestOptions extends Partial<Omit<ChunkserverOptions, "settings">> {
  readonly folder?: string;
  readonly environment?: Record<string, string>;
}

/** Starts one; it ends with the test. No controller answers unless `lookup` says so. */
export async function startServer({ folder = temporaryFolder(), environment, ...options }: TestOptions = {}): Promise<TestServer> {
  const settings = settingsFor(folder, environment);
  const log = memoryLog();
  const server = await startChunkserver({
    settings, nodeId: "server-1", log, host: "127.0.0.1", port: 0, healthPort: 0, lookup: () => Promise.reject(new Error("no DNS here")), ...options,
  });
  const client = createNodeClient({ tls: nodeTls(settings.clusterKey), nodeId: "tester-1" });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return Object.assign(server, { dataDir: settings.dataDir, log, client });
}

export interface Chunk { readonly upload: string; readonly index: number; readonly data: Buffer; readonly sha256: string }

export function chunk(size = 1_000, upload: string = randomUUID(), index = 0): Chunk {
  const data = randomBytes(size);
  return { upload, index, data, sha256: sha256(data) };
}

export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

export interface Answer { readonly status: number; readonly body: Buffer; readonly code: string | undefined; readonly headers: Record<string, unknown> }

type Target = Pick<TestServer, "client" | "port">;
type Method = "GET" | "PUT" | "DELETE" | "POST" | "HEAD";

/** One request as any node may send it. */
export async function ask({ client, port }: Target, method: Method, route: string, options: { readonly body?: Buffer | Readable | string; readonly headers?: Record<string, string> } = {}): Promise<Answer> {
  const { statusCode, headers, body } = await request(`https://127.0.0.1:${port}${route}`, { dispatcher: client.dispatcher, method, ...options });
  const content = Buffer.from(await body.arrayBuffer());
  return { status: statusCode, body: content, code: codeIn(content), headers };
}

function codeIn(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString()) as { error?: { code?: string } }).error?.code;
  } catch {
    return undefined;
  }
}

export function put(server: Target, { upload, index, data, sha256: hash }: Chunk): Promise<Answer> {
  return ask(server, "PUT", `/v1/chunks/${upload}/${index}`, { body: data, headers: { "content-type": "application/octet-stream", "x-chunk-sha256": hash } });
}

export function get(server: Target, { upload, index }: Pick<Chunk, "upload" | "index">): Promise<Answer> {
  return ask(server, "GET", `/v1/chunks/${upload}/${index}`);
}

export async function json<T = Record<string, unknown>>(server: Target, method: Method, route: string, body?: unknown): Promise<T> {
  const answer = await ask(server, method, route, body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  if (answer.status !== 200) throw new Error(`${method} ${route}: ${answer.status} ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString()) as T;
}

export function fileOf(server: Pick<TestServer, "dataDir">, { upload, index, sha256: hash }: Chunk): string {
  return path.join(server.dataDir, "chunks", upload, `${index}.${hash}`);
}

/** A live file's record that has these chunks, or a deletion for none. */
export function record(name: string, time: number, chunks?: readonly Chunk[], node = "writer-1"): FileRecord {
  const modifiedAt = "2030-01-01T00:00:00.000Z";
  const content = Buffer.concat((chunks ?? []).map(({ data }) => data));
  return {
    name, version: { [node]: time }, stamp: { time, node },
    state: chunks === undefined
      ? { kind: "deleted", owner: "anna", modifiedAt }
      : {
        kind: "file", upload: chunks[0]?.upload ?? randomUUID(), size: content.length, sha256: sha256(content), tags: [], owner: "anna", modifiedAt,
        chunks: chunks.map(({ data, sha256: hash }) => ({ sha256: hash, size: data.length })),
      },
  };
}

/** Answers true, or fails after two seconds. */
export async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 2_000;
  while (!(await check())) {
    if (performance.now() > end) throw new Error("it did not happen within 2 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A disk on which calls fail while a switch says so. */
export function failingFiles(fails: (call: "writev" | "write" | "writeFile" | "read" | "sync" | "statfs", file: string) => string | undefined): FileSystem {
  const check = (call: Parameters<typeof fails>[0], file: string): void => {
    const code = fails(call, file);
    if (code !== undefined) throw Object.assign(new Error(`${code}: the test's disk fails`), { code });
  };
  return {
    ...realFiles,
    open: async (file, ...rest) => {
      const handle = await realFiles.open(file, ...rest);
      return new Proxy(handle, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property, target);
          if (typeof value !== "function") return value;
          return (...args: unknown[]): unknown => {
            if (property === "writev" || property === "write" || property === "writeFile" || property === "read" || property === "sync") {
              try {
                check(property, String(file));
              } catch (error) {
                return Promise.reject(error as Error);
              }
            }
            return Reflect.apply(value, target, args);
          };
        },
      });
    },
  };
}
