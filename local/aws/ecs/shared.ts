/** What the ECS models share: type tokens, look-ups and ARNs. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn, nameOf } from "../arn";
import type { Place } from "../arn";
import { numeric, text } from "../define";

export const CLUSTER = "aws:ecs/cluster:Cluster";
export const TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition";
export const ECS_SERVICE = "aws:ecs/service:Service";

/** Records of a type in one place. */
export function here(cloud: Pick<CloudContext, "store">, type: string, place: Place): ResourceRecord[] {
  return cloud.store.list(type, { region: place.region, account: place.account });
}

/** ARN of a cluster given by name or ARN; ECS's own default is the cluster `default`. */
export function clusterArn(place: Place, cluster = "default"): string {
  return cluster.startsWith("arn:") ? cluster : arn(place, "ecs", `cluster/${cluster}`);
}

/** The cluster, by name or ARN. */
export function findCluster(cloud: Pick<CloudContext, "store">, place: Place, cluster?: string): ResourceRecord | undefined {
  const wanted = clusterArn(place, cluster);
  return here(cloud, CLUSTER, place).find((record) => record.arn === wanted);
}

/** @throws {ServiceError} `ClusterNotFoundException` */
export function requireCluster(cloud: Pick<CloudContext, "store">, place: Place, cluster?: string): ResourceRecord {
  const found = findCluster(cloud, place, cluster);
  if (!found) throw new ServiceError("ClusterNotFoundException", `Cluster not found. (${cluster ?? "default"})`);
  return found;
}

/** A task definition by ARN, `family:revision`, or family (its latest revision). */
export function findTaskDefinition(cloud: Pick<CloudContext, "store">, place: Place, wanted: string): ResourceRecord | undefined {
  const name = nameOfDefinition(wanted);
  const all = here(cloud, TASK_DEFINITION, place);
  if (name.includes(":")) return all.find((record) => nameOfDefinition(record.arn ?? "") === name);
  return all
    .filter((record) => record.inputs["family"] === name)
    .sort((a, b) => numeric(b.outputs["revision"]) - numeric(a.outputs["revision"]))[0];
}

/** `family:revision` of an ARN, or the text itself. */
export function nameOfDefinition(arnOrName: string): string {
  return arnOrName.replace(/^arn:[^/]*task-definition\//, "");
}

/** A service by name or ARN, in a cluster by name or ARN. */
export function findService(
  cloud: Pick<CloudContext, "store">,
  place: Place,
  cluster: string | undefined,
  service: string,
): ResourceRecord | undefined {
  const wantedCluster = clusterArn(place, cluster ?? clusterOfServiceArn(service));
  return here(cloud, ECS_SERVICE, place).find(
    (record) =>
      clusterArn(place, text(record.outputs["cluster"])) === wantedCluster &&
      (record.arn === service || record.outputs["name"] === nameOf(service)),
  );
}

function clusterOfServiceArn(service: string): string | undefined {
  return service.startsWith("arn:") ? service.split("/")[1] : undefined;
}

/** Names of clusters and services (Amazon ECS API Reference, CreateCluster and CreateService). */
export const ecsName = z.string().max(255).regex(/^[A-Za-z0-9_-]+$/, "only letters, digits, - and _ are allowed");
