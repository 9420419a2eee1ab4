/** Cloud Map: private DNS namespaces and their services, from which tasks get their names. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { defineResource, object, text } from "../define";
import { requireVpc } from "../ec2/shared";

const FILE = "local/aws/servicediscovery/namespace.ts";
const NAMESPACE = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace";
export const DISCOVERY_SERVICE = "aws:servicediscovery/service:Service";

function here(cloud: CloudContext, type: string, place: Place): ResourceRecord[] {
  return cloud.store.list(type, { region: place.region, account: place.account });
}

const privateDnsNamespace = defineResource({
  type: NAMESPACE,
  file: FILE,
  shape: { name: z.string().max(253), vpc: z.string(), description: z.string().optional() },
  replaceOn: ["name", "vpc"],
  autoname: { property: "name", maxLength: 253 },
  begin(inputs, scope, cloud) {
    requireVpc(cloud, scope, inputs.vpc);
    const rival = here(cloud, NAMESPACE, scope).find((other) => other.inputs["name"] === inputs.name && other.inputs["vpc"] === inputs.vpc);
    if (rival)
      throw new ServiceError("NamespaceAlreadyExists", `Another namespace with the same name and VPC already exists (${rival.id})`);
    const id = `ns-${cloud.ids.alphanumeric(16).toLowerCase()}`;
    const namespaceArn = arn(scope, "servicediscovery", `namespace/${id}`);
    return { id, arn: namespaceArn, outputs: { arn: namespaceArn, hostedZone: `Z${cloud.ids.alphanumeric(20, true)}` } };
  },
  beforeDelete(record, cloud) {
    const users = here(cloud, DISCOVERY_SERVICE, record).filter((service) => namespaceId(service) === record.id);
    if (users[0]) throw new ServiceError("ResourceInUse", `Namespace has associated services, e.g. ${users[0].id}`);
  },
  importIds: (record) => [`${record.id}:${text(record.inputs["vpc"])}`],
});

const service = defineResource({
  type: DISCOVERY_SERVICE,
  file: FILE,
  shape: {
    name: z.string().max(127).optional(),
    description: z.string().optional(),
    namespaceId: z.string().optional(),
    forceDestroy: z.boolean().optional(),
    dnsConfig: z
      .strictObject({
        namespaceId: z.string(),
        routingPolicy: z.enum(["MULTIVALUE", "WEIGHTED"]).optional(),
        dnsRecords: z.array(z.strictObject({ ttl: z.number(), type: z.literal("A") })),
      })
      .optional(),
    healthCheckCustomConfig: z.strictObject({ failureThreshold: z.number().optional() }).optional(),
  },
  replaceOn: ["name", "namespaceId", "dnsConfig.namespaceId", "dnsConfig.routingPolicy", "healthCheckCustomConfig"],
  autoname: { property: "name", maxLength: 127 },
  begin(inputs, scope, cloud) {
    const namespace = inputs.dnsConfig?.namespaceId ?? inputs.namespaceId;
    if (namespace === undefined || !cloud.store.get(NAMESPACE, namespace, { region: scope.region, account: scope.account })) {
      throw new ServiceError("NamespaceNotFound", `namespace ${namespace ?? "(none)"} was not found`);
    }
    const rival = here(cloud, DISCOVERY_SERVICE, scope).find(
      (other) => other.inputs["name"] === inputs.name && namespaceId(other) === namespace,
    );
    if (rival) throw new ServiceError("ServiceAlreadyExists", `Service already exists (${rival.id})`);
    const id = `srv-${cloud.ids.alphanumeric(16).toLowerCase()}`;
    const serviceArn = arn(scope, "servicediscovery", `service/${id}`);
    return { id, arn: serviceArn, outputs: { arn: serviceArn, namespaceId: namespace, type: "DNS_HTTP" } };
  },
  beforeDelete(record, cloud) {
    const user = here(cloud, "aws:ecs/service:Service", record).find(
      (ecs) => object(ecs.inputs["serviceRegistries"])["registryArn"] === record.arn,
    );
    if (user) throw new ServiceError("ResourceInUse", `Service contains registered instances; the ECS service ${user.id} uses it`);
  },
});

function namespaceId(record: ResourceRecord): string {
  return text(record.outputs["namespaceId"]);
}

/** The DNS name that a Cloud Map service gives its instances, `<service>.<namespace>`. */
export function discoveryName(cloud: CloudContext, registryArn: string): string | undefined {
  const found = cloud.store.byArn(registryArn);
  const namespace = found && cloud.store.get(NAMESPACE, namespaceId(found), { region: found.region, account: found.account });
  return found && namespace ? `${text(found.inputs["name"])}.${text(namespace.inputs["name"])}` : undefined;
}

export const serviceDiscoveryModels = [privateDnsNamespace, service];
