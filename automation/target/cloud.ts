/** Asks the real cloud who we are and where we may build, before anything is created. */
import { FleetError } from "../errors";
import type { Topology } from "../topology/types";

/**
 * Account of the credentials in use, and the selected stacks' regions. Stacks without a region have nothing in AWS: then nobody is
 * asked, and there is no account.
 * @throws FleetError `cloud-unreachable`, or `region-disabled` naming every region that the account has not enabled
 */
export async function describeCloud(topology: Topology, selected: readonly string[]): Promise<{ account: string | undefined; regions: readonly string[] }> {
  const regions = [...new Set(topology.stacks.filter(({ name }) => selected.includes(name)).flatMap(({ region }) => region ?? []))].sort();
  if (regions.length === 0) return { account: undefined, regions };
  const { GetCallerIdentityCommand, STSClient } = await import("@aws-sdk/client-sts");
  const { DescribeRegionsCommand, EC2Client } = await import("@aws-sdk/client-ec2");
  const settings = { region: regions[0] ?? "", maxAttempts: 3 };
  try {
    const [identity, enabled] = await Promise.all([
      new STSClient(settings).send(new GetCallerIdentityCommand({})),
      new EC2Client(settings).send(new DescribeRegionsCommand({})),
    ]);
    const names = new Set(enabled.Regions?.map(({ RegionName }) => RegionName));
    const disabled = regions.filter((region) => !names.has(region));
    if (disabled.length > 0) throw disabledError(disabled, identity.Account);
    return { account: identity.Account ?? "unknown", regions };
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError("cloud-unreachable", `AWS can't be asked for the account; got ${cause instanceof Error ? `${cause.name}: ${cause.message.split("\n")[0]}` : String(cause)}`, {
      source: "user", exitCode: 1, cause, fix: "set credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or use --target local",
    });
  }
}

function disabledError(disabled: readonly string[], account: string | undefined): FleetError {
  return new FleetError("region-disabled", `regions that account ${account ?? "unknown"} has not enabled; got ${disabled.join(", ")}`, {
    source: "user", fix: "enable them (aws account enable-region), or take their stacks out of the fleet config",
  });
}
