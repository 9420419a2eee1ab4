/** Amazon Managed Service for Prometheus: the workspaces. */
import { ServiceError } from "../../model";
import type { ResourceRecord } from "../../model";
import { AMP_WORKSPACE } from "../amp/workspace";
import { text } from "../define";
import { json, jsonError, notModelled, page } from "./protocol";
import type { ApiService } from "./protocol";

const FILE = "local/aws/api/amp.ts";

export const ampApi: ApiService = {
  file: FILE,
  error: jsonError,
  async handle(request, cloud) {
    const where = { region: request.place.region, account: request.place.account };
    const [, collection, id, more] = request.path.split("/");
    if (request.method !== "GET" || collection !== "workspaces" || more !== undefined)
      throw notModelled("aps", `${request.method} ${request.path}`, FILE);
    if (id !== undefined && id !== "") {
      const record = cloud.store.get(AMP_WORKSPACE, id, where);
      if (!record) throw new ServiceError("ResourceNotFoundException", `Workspace not found (${id})`, 404);
      return json({ workspace: described(record) }, 200, { "content-type": "application/json" });
    }
    const alias = request.query.get("alias") ?? "";
    const all = cloud.store.list(AMP_WORKSPACE, where).filter((record) => text(record.outputs["alias"]).startsWith(alias));
    const { items, next } = page(all, Number(request.query.get("maxResults") ?? 100), request.query.get("nextToken") ?? undefined);
    return json({ workspaces: items.map(described), ...(next === undefined ? {} : { nextToken: next }) }, 200, {
      "content-type": "application/json",
    });
  },
};

function described(record: ResourceRecord): object {
  const statusCode = { creating: "CREATING", available: "ACTIVE", updating: "UPDATING", deleting: "DELETING" }[record.status];
  return {
    workspaceId: record.id,
    arn: record.arn,
    alias: text(record.outputs["alias"]),
    status: { statusCode },
    prometheusEndpoint: text(record.outputs["prometheusEndpoint"]),
    createdAt: Date.parse(record.createdAt) / 1000,
    tags: record.tags,
  };
}
