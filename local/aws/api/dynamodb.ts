/** DynamoDB: the data plane is dynalite's; tables that are still being made are answered from the store. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { Place } from "../arn";
import { object } from "../define";
import { dynamoEngines } from "../dynamodb/engine";
import { TABLE, tableInput } from "../dynamodb/table";
import { json, jsonError, parseJson } from "./protocol";
import type { ApiService } from "./protocol";

const TYPE = { "content-type": "application/x-amz-json-1.0" };

export const dynamodbApi: ApiService = {
  file: "local/aws/api/dynamodb.ts",
  // The code's prefix is DynamoDB's own; the SDK takes what stands behind the `#`.
  error: (error) => {
    const answer = jsonError(error);
    return {
      ...answer,
      headers: { ...answer.headers, ...TYPE },
      body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${error.code}`, message: error.message }),
    };
  },
  async handle(request, cloud) {
    const target = request.headers["x-amz-target"] ?? "";
    const pending = unfinished(target, parseJson(request.body), cloud, request.place);
    if (pending) return json(pending, 200, TYPE);
    const { status, body } = await dynamoEngines(cloud).send(request.place, target, request.body.toString("utf8"));
    return { status, headers: TYPE, body };
  },
};

function unfinished(target: string, input: Readonly<Record<string, unknown>>, cloud: CloudContext, place: Place): object | undefined {
  const operation = target.split(".").at(-1);
  const record =
    typeof input["TableName"] === "string"
      ? cloud.store.get(TABLE, input["TableName"], { region: place.region, account: place.account })
      : undefined;
  if (operation === "DescribeTable" && record?.status === "creating") return { Table: beingMade(record) };
  if (operation === "DescribeTimeToLive" && record) return { TimeToLiveDescription: timeToLive(record) };
  if (operation === "ListTagsOfResource") {
    const tagged = cloud.store.byArn(String(input["ResourceArn"]));
    if (!tagged) throw new ServiceError("ResourceNotFoundException", "Requested resource not found");
    return { Tags: Object.entries(tagged.tags).map(([Key, Value]) => ({ Key, Value })) };
  }
  return undefined;
}

function beingMade(record: ResourceRecord): object {
  const { BillingMode, ...description } = tableInput(record);
  return {
    ...description,
    TableArn: record.arn,
    TableStatus: "CREATING",
    CreationDateTime: Date.parse(record.createdAt) / 1000,
    ItemCount: 0,
    TableSizeBytes: 0,
    BillingModeSummary: { BillingMode },
  };
}

function timeToLive(record: ResourceRecord): object {
  const ttl = object(record.inputs["ttl"]);
  return ttl["enabled"] === true ? { TimeToLiveStatus: "ENABLED", AttributeName: ttl["attributeName"] } : { TimeToLiveStatus: "DISABLED" };
}
