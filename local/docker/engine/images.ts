/** The engine's images. None is built or pulled: a name stands for the program that the image table has for its repository. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { findImage, parseImage } from "../../runtime/images";
import { ServiceError } from "../../model";
import { EngineError } from "../errors";
import { parseDockerfile } from "./dockerfile";
import type { EngineState, StoredImage } from "./state";

/** By this label a Dockerfile can say which image of the table it makes, whatever the name it is built under. */
const TITLE_LABEL = "org.opencontainers.image.title";

/** What is built. */
export interface BuildRequest {
  /** `repository[:tag]`. */
  readonly name: string;
  /** Absolute. */
  readonly context: string;
  /** Absolute, or relative to the context. @default `Dockerfile` */
  readonly dockerfile?: string;
  /** More names of the same image. */
  readonly tags?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** All else that makes it another image: build arguments, target, and what the program says of the context's content. */
  readonly ingredients?: unknown;
}

/** A user of an image: a container in any state. */
export interface ImageUser { readonly id: string; readonly image: string; readonly running: boolean }

export class Images {
  constructor(private readonly state: EngineState, private readonly now: () => Date, private readonly users: () => readonly ImageUser[]) {}

  list(): readonly StoredImage[] {
    return this.state.images;
  }

  /** By id (whole, or at least 12 digits of it), by name, by digest. */
  find(reference: string): StoredImage | undefined {
    const hex = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(reference)?.[1];
    const byId = hex === undefined ? undefined : this.state.images.find(({ id }) => id.startsWith(`sha256:${hex}`));
    if (byId !== undefined) return byId;
    if (reference.includes("@")) return this.state.images.find(({ digest }) => digest === reference);
    const name = fullName(reference);
    return this.state.images.find(({ tags }) => tags.includes(name));
  }

  /**
   * An image that is here, or that the table has: then it is taken as pulled.
   * @throws {EngineError} 404 for a repository that the table doesn't have
   */
  obtain(reference: string): StoredImage {
    const here = this.find(reference);
    if (here !== undefined) return here;
    if (/^sha256:/.test(reference)) throw new EngineError(404, `No such image: ${reference}`);
    const name = fullName(reference.split("@")[0] ?? "");
    const repository = this.repositoryOf(reference);
    const digest = `sha256:${hash({ manifest: name })}`;
    return this.add({ id: `sha256:${hash({ pulled: name })}`, tags: [name], repository, digest: `${withoutTag(name)}@${digest}`, labels: {}, createdAt: this.now().toISOString() });
  }

  /**
   * Takes an image as built. The same ingredients give the same id, as a build whose every step is cached.
   * @throws {EngineError} 400 when context or Dockerfile are missing, 404 for a repository that the table doesn't have
   */
  build(request: BuildRequest): StoredImage {
    const text = readDockerfile(request);
    const { labels, healthCheck } = parseDockerfile(text);
    const all = { ...labels, ...request.labels };
    const repository = this.repositoryOf(request.name, all[TITLE_LABEL]);
    const id = `sha256:${hash({ repository, text, labels: all, ingredients: request.ingredients ?? null })}`;
    const tags = [request.name, ...(request.tags ?? [])].map(fullName);
    return this.add({ id, tags, repository, labels: all, createdAt: this.now().toISOString(), ...(healthCheck && { healthCheck }) });
  }

  /** @throws {EngineError} 404 */
  tag(source: string, target: string): StoredImage {
    const image = this.find(source);
    if (image === undefined) throw new EngineError(404, `No such image: ${source}`);
    return this.add({ ...image, tags: [fullName(target)] });
  }

  /**
   * Takes a name away, and the image when it was its last one.
   * @throws {EngineError} 404, or 409 while a container uses the image
   */
  remove(reference: string, force = false): void {
    this.requireRemovable(reference, force);
    const image = this.find(reference);
    if (image === undefined) throw new EngineError(404, `No such image: ${reference}`);
    const left = image.tags.filter((tag) => tag !== fullName(reference));
    const others = this.state.images.filter(({ id }) => id !== image.id);
    this.state.change({ images: left.length > 0 && left.length < image.tags.length ? [...others, { ...image, tags: left }] : others });
  }

  /** @throws {EngineError} 409 while a container uses the image and this is its last name */
  requireRemovable(reference: string, force = false): void {
    const image = this.find(reference);
    if (image === undefined || image.tags.some((tag) => tag !== fullName(reference))) return;
    const user = this.users().find((candidate) => candidate.image === image.id && (candidate.running || !force));
    if (user === undefined) return;
    const short = user.id.slice(0, 12);
    throw new EngineError(409, force
      ? `conflict: unable to remove repository reference "${reference}" (cannot be forced) - container ${short} is using its referenced image ${shortId(image)}`
      : `conflict: unable to remove repository reference "${reference}" (must force) - container ${short} is using its referenced image ${shortId(image)}`);
  }

  /** Names move to the newest image; one that is left without a name and a user goes. */
  private add(image: StoredImage): StoredImage {
    const known = this.state.images.find(({ id }) => id === image.id);
    const merged = { ...(known ?? image), tags: [...new Set([...(known?.tags ?? []), ...image.tags])] };
    const used = new Set(this.users().map((user) => user.image));
    const others = this.state.images.filter(({ id }) => id !== image.id)
      .map((other) => ({ ...other, tags: other.tags.filter((tag) => !image.tags.includes(tag)) }))
      .filter(({ id, tags }) => tags.length > 0 || used.has(id));
    this.state.change({ images: [...others, merged] });
    return merged;
  }

  /** @param title of an image whose own name the table doesn't have */
  private repositoryOf(reference: string, title?: string): string {
    try {
      return findImage(reference).repository;
    } catch (error) {
      if (title !== undefined && title !== reference) return this.repositoryOf(title);
      if (error instanceof ServiceError) throw new EngineError(404, error.message.slice(error.code.length + 2));
      throw error;
    }
  }
}

/** With its tag: `latest` when none is given. The registry stays. */
export function fullName(reference: string): string {
  const { tag } = parseImage(reference);
  return `${withoutTag(reference)}:${tag}`;
}

function withoutTag(reference: string): string {
  const [name = ""] = reference.split("@");
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}

function shortId({ id }: StoredImage): string {
  return id.slice("sha256:".length, "sha256:".length + 12);
}

function readDockerfile({ context, dockerfile = "Dockerfile" }: BuildRequest): string {
  if (!path.isAbsolute(context)) {
    throw new EngineError(400, `build context is relative; got "${context}"; expected an absolute path, because an attached provider doesn't know the program's folder; use path.resolve(__dirname, …)`);
  }
  if (!existsSync(context)) throw new EngineError(400, `unable to prepare context: path "${context}" not found`);
  const file = path.resolve(context, dockerfile);
  if (!existsSync(file)) throw new EngineError(400, `dockerfile not found at path: ${file}`);
  return readFileSync(file, "utf8");
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
