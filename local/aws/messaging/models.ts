/** SQS queues and SNS topics: their lives only; messages are not modelled. */
import { z } from "zod";
import { ServiceError } from "../../model";
import { arn, dnsSuffix } from "../arn";
import { defineResource, documentText, jsonDocument } from "../define";

const FILE = "local/aws/messaging/models.ts";
export const QUEUE = "aws:sqs/queue:Queue";
export const TOPIC = "aws:sns/topic:Topic";

const queue = defineResource({
  type: QUEUE,
  file: FILE,
  shape: {
    name: z
      .string()
      .max(80)
      .regex(/^[A-Za-z0-9_-]+$/, "only letters, digits, - and _ are allowed; FIFO queues are not modelled")
      .optional(),
    delaySeconds: z.number().int().min(0).max(900).optional(),
    visibilityTimeoutSeconds: z.number().int().min(0).max(43_200).optional(),
    messageRetentionSeconds: z.number().int().min(60).max(1_209_600).optional(),
    maxMessageSize: z.number().int().optional(),
    receiveWaitTimeSeconds: z.number().int().min(0).max(20).optional(),
    sqsManagedSseEnabled: z.boolean().optional(),
    kmsMasterKeyId: z.string().optional(),
    policy: jsonDocument.optional(),
    redrivePolicy: z.string().optional(),
  },
  replaceOn: ["name"],
  autoname: { property: "name", maxLength: 80 },
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    const url = `https://sqs.${scope.region}.${dnsSuffix(scope.region)}/${scope.account}/${name}`;
    // CreateQueue with the same attributes hands the existing queue back; the provider's tags make them differ.
    if (cloud.store.get(QUEUE, url, { region: scope.region, account: scope.account }))
      throw new ServiceError(
        "QueueAlreadyExists",
        `A queue already exists with the same name and a different value for some attribute (${name})`,
      );
    const queueArn = arn(scope, "sqs", name);
    return {
      id: url,
      arn: queueArn,
      outputs: {
        arn: queueArn,
        url,
        name,
        delaySeconds: inputs.delaySeconds ?? 0,
        visibilityTimeoutSeconds: inputs.visibilityTimeoutSeconds ?? 30,
        messageRetentionSeconds: inputs.messageRetentionSeconds ?? 345_600,
        maxMessageSize: inputs.maxMessageSize ?? 262_144,
        receiveWaitTimeSeconds: inputs.receiveWaitTimeSeconds ?? 0,
        ...(inputs.policy === undefined ? {} : { policy: documentText(inputs.policy) }),
      },
    };
  },
});

const topic = defineResource({
  type: TOPIC,
  file: FILE,
  shape: {
    name: z
      .string()
      .max(256)
      .regex(/^[A-Za-z0-9_-]+$/, "only letters, digits, - and _ are allowed; FIFO topics are not modelled")
      .optional(),
    displayName: z.string().optional(),
    kmsMasterKeyId: z.string().optional(),
    policy: jsonDocument.optional(),
  },
  replaceOn: ["name"],
  autoname: { property: "name", maxLength: 256 },
  // CreateTopic hands an existing topic of the same name back: a create that is sent twice has one ARN, and the ledger shows two.
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    const topicArn = arn(scope, "sns", name);
    return {
      id: topicArn,
      arn: topicArn,
      outputs: {
        arn: topicArn,
        name,
        owner: scope.account,
        ...(inputs.policy === undefined ? {} : { policy: documentText(inputs.policy) }),
      },
    };
  },
});

export const messagingModels = [queue, topic];
