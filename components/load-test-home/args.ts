/** Arguments of a load test's home: what they mean, their defaults, and what is wrong with them. */
import type * as aws from "@pulumi/aws";
import { type ArgumentFault, integerFaults, regionFaults, type Transform } from "../arguments";
import { retentionFaults } from "../logs";

export interface LoadTestHomeArgs {
  /** Code of the region that the provider works in; one that has Amazon Managed Service for Prometheus. */
  readonly region: string;
  /** Codes of the regions that generate load; roles reach into these only. At least one. */
  readonly remoteRegions: readonly string[];
  /**
   * Seconds between the moment the last region is ready and the start of the test, so that every generator hears of it in time.
   * @default 100
   */
  readonly startBufferSeconds?: number;
  /** Days that logs are kept; a value that CloudWatch Logs has. @default 14 */
  readonly logRetentionDays?: number;
  /** Whether deleting the bucket may delete the results in it. @default false */
  readonly deleteResults?: boolean;
  /** Absolute path of the orchestrator's bundle. @default the package's own, as `npm run build` makes it */
  readonly orchestratorBundle?: string;
  /** Changes a child's arguments and options, after everything else. `(args) => { args.deletionProtectionEnabled = true; }` */
  readonly transform?: LoadTestHomeTransforms;
}

/** One key per child; children of one kind share it. */
export interface LoadTestHomeTransforms {
  readonly table?: Transform<aws.dynamodb.TableArgs>;
  readonly bucket?: Transform<aws.s3.BucketArgs>;
  readonly bucketPublicAccessBlock?: Transform<aws.s3.BucketPublicAccessBlockArgs>;
  readonly bucketEncryption?: Transform<aws.s3.BucketServerSideEncryptionConfigurationArgs>;
  readonly metricsWorkspace?: Transform<aws.amp.WorkspaceArgs>;
  readonly logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
  readonly orchestrator?: Transform<aws.lambda.FunctionArgs>;
  readonly role?: Transform<aws.iam.RoleArgs>;
  readonly rolePolicy?: Transform<aws.iam.RolePolicyArgs>;
}

export const DEFAULTS = { startBufferSeconds: 100, logRetentionDays: 14, deleteResults: false } as const;

export type CompleteArgs = LoadTestHomeArgs & Required<Pick<LoadTestHomeArgs, keyof typeof DEFAULTS>>;

/** Arguments with the defaults where nothing, or `undefined`, was given. */
export function withDefaults(args: LoadTestHomeArgs): CompleteArgs {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as unknown as LoadTestHomeArgs;
  return { ...DEFAULTS, ...given };
}

/** Everything that is wrong with the arguments; empty when nothing is. */
export function faultsOf(args: CompleteArgs): readonly ArgumentFault[] {
  const { remoteRegions } = args;
  return [
    ...regionFaults("region", args.region),
    ...(remoteRegions.length === 0
      ? [{ path: "remoteRegions", problem: "no region", got: remoteRegions, expected: "at least one region code", fix: "name the regions that generate load" }]
      : []),
    ...remoteRegions.flatMap((region, index) => regionFaults(`remoteRegions[${index}]`, region)),
    ...remoteRegions.flatMap((region, index) => (remoteRegions.indexOf(region) === index
      ? []
      : [{ path: `remoteRegions[${index}]`, problem: "named twice", got: region, expected: "each region once", fix: "leave the second one out" }])),
    // An hour is far beyond any use, and well below what the orchestrator's timestamps carry.
    ...integerFaults("startBufferSeconds", args.startBufferSeconds, { min: 0, max: 3600 }, `leave it out for ${DEFAULTS.startBufferSeconds}`),
    ...retentionFaults(args.logRetentionDays),
  ];
}
