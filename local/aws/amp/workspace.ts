/** `aws:amp/workspace:Workspace`: a metrics workspace; its store is not modelled, only its life and its endpoint. */
import { z } from "zod";
import { ServiceError } from "../../model";
import { arn, dnsSuffix } from "../arn";
import { defineResource } from "../define";

export const AMP_WORKSPACE = "aws:amp/workspace:Workspace";

// Source: AWS General Reference, "Amazon Managed Service for Prometheus endpoints and quotas" (read November 2026).
const REGIONS = new Set([
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
  "af-south-1",
  "ap-east-1",
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-northeast-3",
  "ap-south-1",
  "ap-south-2",
  "ap-southeast-1",
  "ap-southeast-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "ap-southeast-5",
  "ap-southeast-7",
  "ca-central-1",
  "ca-west-1",
  "eu-central-1",
  "eu-central-2",
  "eu-north-1",
  "eu-south-1",
  "eu-south-2",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "il-central-1",
  "me-central-1",
  "me-south-1",
  "mx-central-1",
  "sa-east-1",
  "us-gov-east-1",
  "us-gov-west-1",
]);

export const workspace = defineResource({
  type: AMP_WORKSPACE,
  file: "local/aws/amp/workspace.ts",
  // Aliases need not be unique: a create that is sent twice makes two workspaces, as on the real service.
  shape: { alias: z.string().min(1).max(100).optional(), kmsKeyArn: z.string().optional() },
  replaceOn: ["kmsKeyArn"],
  begin(inputs, scope, cloud) {
    if (!REGIONS.has(scope.region))
      throw new ServiceError(
        "EndpointNotFound",
        `Amazon Managed Service for Prometheus is not available in ${scope.region}; choose another home region`,
      );
    const id = `ws-${cloud.ids.uuid()}`;
    const workspaceArn = arn(scope, "aps", `workspace/${id}`);
    return {
      id,
      arn: workspaceArn,
      outputs: {
        arn: workspaceArn,
        alias: inputs.alias ?? "",
        prometheusEndpoint: `https://aps-workspaces.${scope.region}.${dnsSuffix(scope.region)}/workspaces/${id}/`,
      },
    };
  },
});
