/** The home region of a load test: the orchestrator with its state, the results, the metrics, and the roles of all regions. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { child, refuseFaults } from "../arguments";
import { logGroupPrefix } from "../logs";
import { type CompleteArgs, faultsOf, type LoadTestHomeArgs, withDefaults } from "./args";
import { findOrchestratorBundle } from "./bundle";
import { aggregatorPolicy, executionPolicy, generatorPolicy, orchestratorPolicy } from "./policies";
import { createRoles, grant } from "./roles";

export { DEFAULTS, type LoadTestHomeArgs, type LoadTestHomeTransforms } from "./args";

const TYPE = "stackfleet:loadtest:LoadTestHome";
/** Hash key of the table of the test's state. */
const STATE_KEY = "id";

/**
 * What the regions of a load test share, in the region of the `aws` provider. Create it once a fleet and before the regions.
 *
 * Deleting it deletes the test results when `deleteResults` is set, and fails while there are any when it isn't.
 *
 * @throws {pulumi.RunError} with every fault of the arguments
 * @example
 * new LoadTestHome("home", { region: "eu-central-1", remoteRegions: ["eu-west-1", "us-east-2"] });
 */
export class LoadTestHome extends pulumi.ComponentResource {
  readonly orchestratorArn: pulumi.Output<string>;
  readonly tableName: pulumi.Output<string>;
  readonly bucketName: pulumi.Output<string>;
  readonly metricsWorkspaceId: pulumi.Output<string>;
  /** Base address of the workspace's Prometheus API, with a slash at its end. */
  readonly metricsEndpoint: pulumi.Output<string>;
  readonly executionRoleArn: pulumi.Output<string>;
  readonly aggregatorRoleArn: pulumi.Output<string>;
  readonly generatorRoleArn: pulumi.Output<string>;
  /** Start of the names of all log groups that the execution role may write to. */
  readonly logGroupPrefix: pulumi.Output<string>;

  constructor(name: string, args: LoadTestHomeArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);
    const complete = withDefaults(args);
    refuseFaults("LoadTestHome", name, faultsOf(complete));
    const { transform = {}, remoteRegions } = complete;
    const prefix = logGroupPrefix();
    const place = aws.getCallerIdentityOutput({}, { parent: this }).apply(({ arn, accountId }) => ({ partition: arn.split(":")[1] ?? "aws", account: accountId }));

    const roles = createRoles(name, complete, place, this);
    const bucket = this.createBucket(name, complete);
    const table = new aws.dynamodb.Table(`${name}-table`, ...child(transform.table, {
      billingMode: "PAY_PER_REQUEST", hashKey: STATE_KEY, attributes: [{ name: STATE_KEY, type: "S" }],
    }, { parent: this }));
    const metrics = new aws.amp.Workspace(`${name}-metrics`, ...child(transform.metricsWorkspace, { alias: `${pulumi.getProject()}-${name}` }, { parent: this }));
    const logGroup = new aws.cloudwatch.LogGroup(`${name}-orchestrator-logs`, ...child(transform.logGroup, {
      name: `${prefix}/orchestrator`, retentionInDays: complete.logRetentionDays,
    }, { parent: this }));
    const orchestrator = this.createOrchestrator(name, complete, roles.orchestrator, table, logGroup);

    const logs = place.apply((known) => executionPolicy(known, remoteRegions, prefix));
    grant(name, complete, "execution", roles, logs, this);
    grant(name, complete, "aggregator", roles, aggregatorPolicy({ orchestrator: orchestrator.arn, metricsWorkspace: metrics.arn, results: pulumi.interpolate`${bucket.arn}/results/*` }), this);
    grant(name, complete, "generator", roles, generatorPolicy({ orchestrator: orchestrator.arn, scripts: pulumi.interpolate`${bucket.arn}/scripts/*` }), this);
    const state = { table: table.arn, logGroup: pulumi.interpolate`${logGroup.arn}:*` };
    grant(name, complete, "orchestrator", roles, place.apply((known) => orchestratorPolicy(known, remoteRegions, pulumi.getProject(), state)), this);

    this.orchestratorArn = orchestrator.arn;
    this.tableName = table.name;
    this.bucketName = bucket.bucket;
    this.metricsWorkspaceId = metrics.id;
    this.metricsEndpoint = metrics.prometheusEndpoint;
    this.executionRoleArn = roles.execution.arn;
    this.aggregatorRoleArn = roles.aggregator.arn;
    this.generatorRoleArn = roles.generator.arn;
    this.logGroupPrefix = pulumi.output(prefix);
    this.registerOutputs({
      orchestratorArn: this.orchestratorArn, tableName: this.tableName, bucketName: this.bucketName, metricsWorkspaceId: this.metricsWorkspaceId,
      metricsEndpoint: this.metricsEndpoint, executionRoleArn: this.executionRoleArn, aggregatorRoleArn: this.aggregatorRoleArn,
      generatorRoleArn: this.generatorRoleArn, logGroupPrefix: this.logGroupPrefix,
    });
  }

  /** Private in every way that S3 has, and encrypted. */
  private createBucket(name: string, { deleteResults, transform = {} }: CompleteArgs): aws.s3.Bucket {
    const bucket = new aws.s3.Bucket(`${name}-results`, ...child(transform.bucket, { forceDestroy: deleteResults }, { parent: this }));
    new aws.s3.BucketPublicAccessBlock(`${name}-results-private`, ...child(transform.bucketPublicAccessBlock, {
      bucket: bucket.bucket, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true,
    }, { parent: this }));
    new aws.s3.BucketServerSideEncryptionConfiguration(`${name}-results-encryption`, ...child(transform.bucketEncryption, {
      bucket: bucket.bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    }, { parent: this }));
    return bucket;
  }

  private createOrchestrator(name: string, args: CompleteArgs, role: aws.iam.Role, table: aws.dynamodb.Table, logGroup: aws.cloudwatch.LogGroup): aws.lambda.Function {
    const code = new pulumi.asset.AssetArchive({ "orchestrator.js": new pulumi.asset.FileAsset(findOrchestratorBundle(args.orchestratorBundle)) });
    return new aws.lambda.Function(`${name}-orchestrator`, ...child(args.transform?.orchestrator, {
      code, handler: "orchestrator.handler", runtime: "nodejs22.x", role: role.arn, memorySize: 256, timeout: 30,
      loggingConfig: { logFormat: "JSON", logGroup: logGroup.name },
      environment: { variables: { TABLE_NAME: table.name, START_BUFFER_SECONDS: String(args.startBufferSeconds) } },
    }, { parent: this }));
  }
}
