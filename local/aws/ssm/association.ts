/** `aws:ssm/association:Association`: a document that runs on instances. The commands themselves are not executed here. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { arn } from "../arn";
import { defineResource, list, object, text } from "../define";
import { inPlace, INSTANCE } from "../ec2/shared";

const MANAGED_POLICY = /:policy\/AmazonSSMManagedInstanceCore$/;
/** Documents of AWS's own that are known here. */
const DOCUMENTS = ["AWS-RunShellScript", "AWS-ConfigureAWSPackage", "AWS-UpdateSSMAgent"];
/** How long the commands take. Estimate: a package's download and its installation. */
const RUN_SECONDS = 90;

export const association = defineResource({
  type: "aws:ssm/association:Association",
  file: "local/aws/ssm/association.ts",
  shape: {
    name: z.string(),
    associationName: z.string().optional(),
    documentVersion: z.string().optional(),
    targets: z.array(z.strictObject({ key: z.string(), values: z.array(z.string()) })),
    parameters: z.record(z.string(), z.string()).optional(),
    scheduleExpression: z.string().optional(),
    applyOnlyAtCronInterval: z.boolean().optional(),
    complianceSeverity: z.enum(["UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "CRITICAL"]).optional(),
    waitForSuccessTimeoutSeconds: z.number().int().positive().optional(),
  },
  replaceOn: ["name"],
  begin(inputs, scope, cloud) {
    if (!DOCUMENTS.includes(inputs.name)) throw new ServiceError("InvalidDocument", `Document with name ${inputs.name} does not exist; the local cloud knows ${DOCUMENTS.join(", ")}`);
    for (const { key } of inputs.targets) {
      if (key !== "InstanceIds") throw new ServiceError("InvalidTarget", `target key "${key}" is not modelled by the local cloud; got ${key}; expected InstanceIds; extend local/aws/ssm/association.ts`);
    }
    const id = cloud.ids.uuid();
    const associationArn = arn(scope, "ssm", `association/${id}`);
    return { id, arn: associationArn, outputs: { arn: associationArn, associationId: id, documentVersion: inputs.documentVersion ?? "$DEFAULT" } };
  },
  async settle(record, scope, cloud) {
    const timeout = record.inputs["waitForSuccessTimeoutSeconds"];
    if (typeof timeout !== "number") return undefined;
    const silent = instancesOf(record).filter((id) => !answers(cloud, scope, id));
    if (silent.length > 0) {
      await cloud.clock.sleep(timeout, scope.signal);
      throw new ServiceError("Timeout", `waiting for SSM Association (${record.id}) create: timeout while waiting for state to become 'Success' (last state: 'Pending', timeout: ${timeout}s): no SSM agent answers on ${silent.join(", ")}`);
    }
    await cloud.clock.sleep(RUN_SECONDS, scope.signal);
    return undefined;
  },
  settleSeconds: (record) => (record.inputs["waitForSuccessTimeoutSeconds"] === undefined ? 0 : RUN_SECONDS),
});

function instancesOf(record: ResourceRecord): string[] {
  return list(record.inputs["targets"]).flatMap((target) => list(object(target)["values"])).filter((id): id is string => typeof id === "string");
}

/** An agent answers when its instance runs and its role may talk to the service. */
function answers(cloud: CloudContext, place: { readonly region: string; readonly account: string }, instanceId: string): boolean {
  const instance = inPlace(cloud, INSTANCE, place).find(({ id }) => id === instanceId);
  const profileName = text(instance?.inputs["iamInstanceProfile"]);
  const profile = cloud.store.list("aws:iam/instanceProfile:InstanceProfile", { account: place.account }).find(({ id }) => id === profileName);
  const role = text(profile?.inputs["role"]);
  return cloud.store.list("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { account: place.account })
    .some(({ inputs }) => text(inputs["role"]) === role && role !== "" && MANAGED_POLICY.test(text(inputs["policyArn"])));
}
