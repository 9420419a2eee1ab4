/** Scales a region's ECS services to 0: the event-driven end of a test, long before anyone destroys the stack. */
import { ECSClient, paginateListServices, UpdateServiceCommand } from "@aws-sdk/client-ecs";

/** What a region's test ran in. */
export interface RegionServices {
  readonly region: string;
  readonly clusterArn: string;
  /** Scaled too, should the cluster's list not have it (yet). */
  readonly serviceArn?: string | undefined;
}

/** Sets `desiredCount` to 0 on every service of the cluster, in the cluster's own region; answers the services' ARNs. */
export async function scaleToZero({ region, clusterArn, serviceArn }: RegionServices, client: ECSClient = new ECSClient({ region })): Promise<string[]> {
  const services = new Set<string>(serviceArn === undefined ? [] : [serviceArn]);
  for await (const page of paginateListServices({ client }, { cluster: clusterArn, maxResults: 100 })) for (const arn of page.serviceArns ?? []) services.add(arn);
  // All are tried before any failure is told: one that fails must not keep the others running, and costing.
  const results = await Promise.allSettled([...services].map((service) => client.send(new UpdateServiceCommand({ cluster: clusterArn, service, desiredCount: 0 }))));
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (failures.length > 0) throw new Error(`${failures.length} of ${services.size} services of ${clusterArn} could not be scaled to 0: ${failures.map(String).join("; ")}`);
  return [...services];
}
