/** Routes of the Engine API about volumes and images, read only: stacks make them. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { CloudContext } from "../../model";
import { engineOf } from "../engine/index";
import type { StoredImage } from "../engine/state";
import type { VolumeView } from "../engine/volumes";
import { EngineError, notModelled } from "../errors";
import { containsName, matchesAny, matchesLabels, parse, parseFilters } from "./query";

const listQuery = z.object({ filters: z.string().optional() });
const volumeParams = z.object({ name: z.string() });
const imageParams = z.object({ "*": z.string() });

export function storeRoutes(app: FastifyInstance, cloud: CloudContext): void {
  const { containers, images, volumes } = engineOf(cloud);

  app.get("/volumes", (request) => {
    const filters = parseFilters(parse(listQuery, request.query).filters, ["name", "label", "dangling"]);
    const shown = volumes.list().filter(({ name, labels }) => matchesAny(filters["name"], containsName(name)) && matchesLabels(labels, filters["label"])
      && matchesAny(filters["dangling"], (dangling) => ["1", "true"].includes(dangling) === (containers.mounting(name).length === 0)));
    return { Volumes: shown.map(volumeJson), Warnings: null };
  });
  app.get("/volumes/:name", (request) => {
    const { name } = parse(volumeParams, request.params);
    const volume = volumes.find(name);
    if (volume === undefined) throw new EngineError(404, `get ${name}: no such volume`);
    return volumeJson(volume);
  });
  app.get("/images/json", (request) => {
    const filters = parseFilters(parse(listQuery, request.query).filters, ["reference", "label", "dangling"]);
    return images.list().filter(({ tags, labels }) => matchesLabels(labels, filters["label"])
      && matchesAny(filters["dangling"], (dangling) => ["1", "true"].includes(dangling) === (tags.length === 0))
      && matchesAny(filters["reference"], (reference) => tags.some((tag) => tag === reference || tag.split(":")[0] === reference))).map(imageJson);
  });
  // Names of images have slashes.
  app.get("/images/*", (request) => {
    const { "*": rest } = parse(imageParams, request.params);
    const [, reference] = /^(.+)\/json$/.exec(rest) ?? [];
    if (reference === undefined) throw notModelled(`GET /images/${rest}`, "local/docker/api/stores.ts");
    const image = images.find(decodeURIComponent(reference));
    if (image === undefined) throw new EngineError(404, `No such image: ${decodeURIComponent(reference)}`);
    return inspectionOf(image);
  });
}

function volumeJson({ name, labels, createdAt, mountpoint }: VolumeView): object {
  return { Name: name, Driver: "local", Scope: "local", Mountpoint: mountpoint, Labels: labels, Options: null, CreatedAt: createdAt };
}

function imageJson(image: StoredImage): object {
  return {
    Id: image.id, ParentId: "", RepoTags: image.tags, RepoDigests: image.digest === undefined ? [] : [image.digest], Labels: image.labels,
    Created: Math.floor(Date.parse(image.createdAt) / 1_000), Size: 0, SharedSize: -1, Containers: -1,
  };
}

function inspectionOf(image: StoredImage): object {
  return {
    Id: image.id, RepoTags: image.tags, RepoDigests: image.digest === undefined ? [] : [image.digest], Created: image.createdAt, Os: "linux", Architecture: process.arch === "x64" ? "amd64" : process.arch,
    Size: 0, Config: { Labels: image.labels, Image: image.repository }, RootFS: { Type: "layers", Layers: [] }, GraphDriver: { Name: "overlay2", Data: null },
  };
}
