/** Lambda: functions are invoked and really run; their configuration, to read. */
import { randomUUID } from "node:crypto";
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import { nameOf } from "../arn";
import { numeric, object, text } from "../define";
import { findFunction, LAMBDA_FUNCTION, runtimeName } from "../lambda/function";
import { json, notModelled, page, plainMessage } from "./protocol";
import type { ApiRequest, ApiResponse, ApiService } from "./protocol";

const FILE = "local/aws/api/lambda.ts";
const PLAIN = { "content-type": "application/json" };
/** Largest payload of a synchronous call. Source: Lambda quotas. */
const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;

export const lambdaApi: ApiService = {
  file: FILE,
  error: (error) =>
    json(
      { Type: error.httpStatus < 500 ? "User" : "Service", Message: plainMessage(error), message: plainMessage(error) },
      error.httpStatus,
      { ...PLAIN, "x-amzn-errortype": error.code },
    ),
  async handle(request, cloud) {
    const match = /^\/2015-03-31\/functions(?:\/([^/]+)(?:\/([a-z]+))?)?\/?$/.exec(request.path);
    const [, name, part = ""] = match ?? [];
    const call = `${request.method} ${name === undefined ? "" : part || "function"}`;
    if (match && name === undefined && request.method === "GET") return listFunctions(request, cloud);
    if (name === undefined) throw notModelled("lambda", `${request.method} ${request.path}`, FILE);
    const record = required(cloud, request, name);
    switch (call) {
      case "POST invocations":
        return invoke(request, record, cloud);
      case "GET function":
        return json({ Configuration: configuration(record), Code: { RepositoryType: "S3" }, Tags: record.tags }, 200, PLAIN);
      case "GET configuration":
        return json(configuration(record), 200, PLAIN);
      case "GET policy":
        return policy(record, cloud);
      default:
        throw notModelled("lambda", `${request.method} ${request.path}`, FILE);
    }
  },
};

function required(cloud: CloudContext, request: ApiRequest, name: string): ResourceRecord {
  const record = findFunction(cloud, request.place, name);
  if (!record)
    throw new ServiceError(
      "ResourceNotFoundException",
      `Function not found: arn:aws:lambda:${request.place.region}:${request.place.account}:function:${nameOf(name)}`,
      404,
    );
  return record;
}

function listFunctions(request: ApiRequest, cloud: CloudContext): ApiResponse {
  const all = cloud.store.list(LAMBDA_FUNCTION, { region: request.place.region, account: request.place.account });
  const { items, next } = page(all, Number(request.query.get("MaxItems") ?? 50), request.query.get("Marker") ?? undefined);
  return json({ Functions: items.map(configuration), ...(next === undefined ? {} : { NextMarker: next }) }, 200, PLAIN);
}

async function invoke(request: ApiRequest, record: ResourceRecord, cloud: CloudContext): Promise<ApiResponse> {
  const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
  if (record.status === "creating") {
    throw new ServiceError(
      "ResourceConflictException",
      `The operation cannot be performed at this time. The function is currently in the following state: Pending`,
      409,
    );
  }
  if (request.body.byteLength > PAYLOAD_LIMIT_BYTES)
    throw new ServiceError(
      "RequestTooLargeException",
      `Request must be smaller than ${PAYLOAD_LIMIT_BYTES} bytes for the Invoke operation`,
      413,
    );
  if (type === "DryRun") return answer(204, "", {});
  const name = runtimeName(record, record.id);
  const payload = request.body.byteLength === 0 ? Buffer.from("{}") : request.body;
  if (type === "Event") {
    void inBackground(name, payload, cloud);
    return answer(202, "", {});
  }
  const result = await cloud.functions.invoke(name, payload);
  return answer(200, Buffer.from(result.payload), {
    "x-amz-executed-version": "$LATEST",
    ...(result.functionError === undefined ? {} : { "x-amz-function-error": result.functionError }),
    ...(request.headers["x-amz-log-type"] === "Tail" ? { "x-amz-log-result": Buffer.from(result.logTail).toString("base64") } : {}),
  });
}

/** Lambda tries an event again twice when the function fails. Source: Lambda developer guide, "Asynchronous invocation". */
async function inBackground(name: string, payload: Buffer, cloud: CloudContext): Promise<void> {
  const waits = [60, 120];
  try {
    for (let attempt = 0; ; attempt += 1) {
      const result = await cloud.functions.invoke(name, payload);
      const wait = waits[attempt];
      if (result.functionError === undefined || wait === undefined) return;
      await cloud.clock.sleep(wait);
    }
  } catch (error) {
    cloud.log.warn("lambda event was lost", { function: name, error: String(error) });
  }
}

function answer(status: number, body: string | Buffer, headers: Record<string, string>): ApiResponse {
  return { status, headers: { ...PLAIN, "x-amzn-requestid": randomUUID(), ...headers }, body };
}

function configuration(record: ResourceRecord): object {
  const state = { creating: "Pending", available: "Active", updating: "Active", deleting: "Active" }[record.status];
  const { outputs, inputs } = record;
  return {
    FunctionName: record.id,
    FunctionArn: record.arn,
    Runtime: text(inputs["runtime"]),
    Role: text(inputs["role"]),
    Handler: text(inputs["handler"]),
    CodeSize: numeric(outputs["sourceCodeSize"]),
    Description: text(inputs["description"]),
    Timeout: numeric(outputs["timeout"]),
    MemorySize: numeric(outputs["memorySize"]),
    LastModified: text(outputs["lastModified"]),
    CodeSha256: text(outputs["codeSha256"]),
    Version: "$LATEST",
    PackageType: "Zip",
    Architectures: outputs["architectures"],
    State: state,
    LastUpdateStatus: record.status === "updating" ? "InProgress" : "Successful",
    Environment: { Variables: object(object(inputs["environment"])["variables"]) },
  };
}

/** The resource policy, made of the permissions of the function. */
function policy(record: ResourceRecord, cloud: CloudContext): ApiResponse {
  const permissions = cloud.store
    .list("aws:lambda/permission:Permission", { region: record.region, account: record.account })
    .filter((permission) => findFunction(cloud, record, text(permission.inputs["function"]))?.key === record.key);
  if (permissions.length === 0) throw new ServiceError("ResourceNotFoundException", "The resource you requested does not exist.", 404);
  const statements = permissions.map(({ inputs, outputs }) => {
    const principal = text(inputs["principal"]);
    return {
      Sid: text(outputs["statementId"]),
      Effect: "Allow",
      Principal: principal.includes(".") ? { Service: principal } : { AWS: principal },
      Action: text(inputs["action"]),
      Resource: record.arn,
      ...(inputs["sourceArn"] === undefined ? {} : { Condition: { ArnLike: { "AWS:SourceArn": inputs["sourceArn"] } } }),
    };
  });
  return json(
    { Policy: JSON.stringify({ Version: "2012-10-17", Id: "default", Statement: statements }), RevisionId: randomUUID() },
    200,
    PLAIN,
  );
}
