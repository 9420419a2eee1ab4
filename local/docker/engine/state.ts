/** What the engine remembers beside the resources of stacks: images, and networks and volumes that no stack declared. */
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { LocalCloudError } from "../../errors";
import { readIfExists, writePrivate } from "../../files";

const healthCheck = z.object({
  test: z.array(z.string()), intervalSeconds: z.number().optional(), timeoutSeconds: z.number().optional(), startPeriodSeconds: z.number().optional(), retries: z.number().optional(),
});

const stateSchema = z.object({
  images: z.array(z.object({
    /** `sha256:` and 64 hex digits. */
    id: z.string(),
    /** `repository:tag`, none when a newer image took them. */
    tags: z.array(z.string()),
    /** By which the image table knows it. */
    repository: z.string(),
    /** Of a pulled image: `repository@sha256:…`. */
    digest: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    healthCheck: healthCheck.optional(),
    createdAt: z.string(),
  })),
  networks: z.array(z.object({
    id: z.string(), name: z.string(), driver: z.enum(["bridge", "overlay"]), attachable: z.boolean(), internal: z.boolean(),
    labels: z.record(z.string(), z.string()), options: z.record(z.string(), z.string()), createdAt: z.string(),
  })),
  volumes: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()), createdAt: z.string() })),
});
export type EngineData = z.infer<typeof stateSchema>;
export type StoredImage = EngineData["images"][number];
export type StoredNetwork = EngineData["networks"][number];
export type StoredVolume = EngineData["volumes"][number];

const EMPTY: EngineData = { images: [], networks: [], volumes: [] };

/** Held in memory, written through to `<dataDir>/docker/engine.json`. */
export class EngineState {
  private readonly file: string;
  private data: EngineData;

  /** @throws {LocalCloudError} `engine-state-invalid` */
  constructor(dataDir: string) {
    const folder = path.join(dataDir, "docker");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.file = path.join(folder, "engine.json");
    this.data = read(this.file);
  }

  get images(): readonly StoredImage[] {
    return this.data.images;
  }

  get networks(): readonly StoredNetwork[] {
    return this.data.networks;
  }

  get volumes(): readonly StoredVolume[] {
    return this.data.volumes;
  }

  /** Durable on return. */
  change(changes: Partial<EngineData>): void {
    const next = { ...this.data, ...changes };
    writePrivate(this.file, `${JSON.stringify(next, undefined, 2)}\n`);
    this.data = next;
  }
}

function read(file: string): EngineData {
  const text = readIfExists(file);
  if (text === undefined) return EMPTY;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LocalCloudError("engine-state-invalid", `${file}: can't be read; got another form than the local cloud wrote`, "run `stackfleet reset`", { cause });
  }
}
