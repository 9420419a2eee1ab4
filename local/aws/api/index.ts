/** The front of the AWS APIs: one endpoint for all services, told apart by the scope of the signature. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import type { FunctionRuntime } from "../../runtime/port";
import { accountOfKey } from "../credentials";
import { dynamoEngines } from "../dynamodb/engine";
import { closeEcs } from "../ecs/schedulers";
import { ampApi } from "./amp";
import { dynamodbApi } from "./dynamodb";
import { ec2Api } from "./ec2";
import { ecsApi } from "./ecs";
import { ecsMetadata } from "./ecsMetadata";
import { iamApi } from "./iam";
import { kmsApi } from "./kms";
import { lambdaApi } from "./lambda";
import { logsApi } from "./logs";
import { jsonError } from "./protocol";
import type { ApiRequest, ApiResponse, ApiService } from "./protocol";
import { route53Api } from "./route53";
import { s3Api } from "./s3";
import { secretsManagerApi } from "./secretsManager";
import { stsApi } from "./sts";
import { taggingApi } from "./tagging";

/** Largest body: S3 takes 5 GiB in one put; a rehearsal doesn't. */
const BODY_LIMIT_BYTES = 256 * 1024 * 1024;

/** Services by the name in their signatures' scope. */
const SERVICES: Readonly<Record<string, ApiService>> = {
  aps: ampApi,
  dynamodb: dynamodbApi,
  ec2: ec2Api,
  ecs: ecsApi,
  iam: iamApi,
  kms: kmsApi,
  lambda: lambdaApi,
  logs: logsApi,
  route53: route53Api,
  s3: s3Api,
  secretsmanager: secretsManagerApi,
  sts: stsApi,
  tagging: taggingApi,
};

/**
 * Serves the AWS APIs under every path of `app`. Signatures are read for region, service and account, and never checked.
 * Closing `app` ends the ECS scheduler and the DynamoDB engines: close it before the container runtime.
 */
export async function registerAwsApis(app: FastifyInstance, cloud: CloudContext & { functions: FunctionRuntime }): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.route({
      method: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"],
      url: "/*",
      bodyLimit: BODY_LIMIT_BYTES,
      exposeHeadRoute: false,
      handler: async (request, reply) => send(reply, await answer(request, cloud)),
    });
  });
  app.addHook("onClose", async () => {
    closeEcs(cloud);
    await dynamoEngines(cloud).close();
  });
}

async function answer(request: FastifyRequest, cloud: CloudContext): Promise<ApiResponse> {
  const metadata = ecsMetadata(request.url, cloud);
  if (metadata) return metadata;
  const scope = signatureScope(request);
  const service = scope && Object.hasOwn(SERVICES, scope.service) ? SERVICES[scope.service] : undefined;
  if (!scope || !service) return jsonError(unknownService(scope?.service));
  try {
    return await service.handle(apiRequest(request, scope), cloud);
  } catch (error) {
    if (error instanceof ServiceError) return service.error(error);
    cloud.log.warn("aws api call failed", {
      service: scope.service,
      url: request.url,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return service.error(
      new ServiceError("InternalFailure", `the local cloud failed: ${error instanceof Error ? error.message : String(error)}`, 500),
    );
  }
}

function unknownService(service: string | undefined): ServiceError {
  return service === undefined
    ? new ServiceError(
        "MissingAuthenticationToken",
        "Missing Authentication Token: calls of the local cloud's AWS APIs are signed like any other",
        403,
      )
    : new ServiceError(
        "NotImplemented",
        `service "${service}" is not modelled by the local cloud; got ${service}; expected one of ${Object.keys(SERVICES).join(", ")}; extend local/aws/api/index.ts`,
        501,
      );
}

interface SignatureScope {
  readonly accessKey: string;
  readonly region: string;
  readonly service: string;
}

/** `Credential=<key>/<date>/<region>/<service>/aws4_request`, from the header or from a presigned URL. */
function signatureScope(request: FastifyRequest): SignatureScope | undefined {
  const header = request.headers.authorization ?? "";
  const credential = /Credential=([^,\s]+)/.exec(header)?.[1] ?? new URL(request.url, "http://local").searchParams.get("X-Amz-Credential");
  const [accessKey, , region, service] = credential?.split("/") ?? [];
  return accessKey !== undefined && region !== undefined && service !== undefined ? { accessKey, region, service } : undefined;
}

function apiRequest(request: FastifyRequest, scope: SignatureScope): ApiRequest {
  const url = new URL(request.url, "http://local");
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(",") : value] as const],
  );
  return {
    method: request.method,
    path: decodeURIComponent(url.pathname),
    rawPath: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries(headers),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    place: { region: scope.region, account: accountOfKey(scope.accessKey) },
  };
}

function send(reply: FastifyReply, response: ApiResponse): FastifyReply {
  return reply.code(response.status).headers(response.headers).send(response.body);
}
