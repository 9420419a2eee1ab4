/** The AWS package of the local cloud: every resource type and function that is modelled. */
import type { PackageModel } from "../model";
import { workspace } from "./amp/workspace";
import { table, tableItem } from "./dynamodb/table";
import { ec2Models } from "./ec2/index";
import { ecsModels } from "./ecs/index";
import { awsFunctions } from "./functions/index";
import { iamModels } from "./iam/index";
import { lambdaModels } from "./lambda/function";
import { logGroup } from "./logs/logGroup";
import { messagingModels } from "./messaging/models";
import { zoneAssociation } from "./route53/zoneAssociation";
import { bucketModels } from "./s3/bucket";
import { objectModels } from "./s3/object";
import { securityModels } from "./security/models";
import { serviceDiscoveryModels } from "./servicediscovery/namespace";
import { association } from "./ssm/association";
import { installedVersion } from "./version";

/** Its version is that of the installed SDK: the engine compares the two. */
export const awsPackage: PackageModel = {
  name: "aws",
  version: installedVersion("@pulumi/aws"),
  resources: [
    ...ec2Models,
    ...ecsModels,
    ...iamModels,
    ...bucketModels,
    ...objectModels,
    ...lambdaModels,
    ...messagingModels,
    ...securityModels,
    ...serviceDiscoveryModels,
    table,
    tableItem,
    logGroup,
    workspace,
    zoneAssociation,
    association,
  ],
  functions: awsFunctions,
};
