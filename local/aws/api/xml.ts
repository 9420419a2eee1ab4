/** The XML of the query protocols and of S3: a writer, and the parameters of query calls. */
import { randomUUID } from "node:crypto";
import { ServiceError } from "../../model";
import type { CloudContext } from "../../model";
import type { Place } from "../arn";
import { notModelled, plainMessage } from "./protocol";
import type { ApiResponse, ApiService } from "./protocol";

/** A value of an element: text, members, or the same element several times. Undefined members are left out. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

/** `<name>…</name>`; a list is the element once an item. */
export function element(name: string, value: Xml): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return (value as readonly Xml[]).map((item) => element(name, item)).join("");
  return `<${name}>${typeof value === "object" ? members(value as { readonly [name: string]: Xml }) : escape(String(value))}</${name.split(" ")[0] ?? name}>`;
}

function members(value: { readonly [name: string]: Xml }): string {
  return Object.entries(value)
    .map(([name, member]) => element(name, member))
    .join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("\r", "&#xD;");
}

/** An XML answer. */
export function xml(body: string, status = 200, headers: Record<string, string> = {}): ApiResponse {
  return {
    status,
    headers: { "content-type": "text/xml", "x-amzn-requestid": randomUUID(), ...headers },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

/** The parameters of a query call: `Filter.1.Name`, `VpcId.2`… */
export class QueryParameters {
  readonly #values: URLSearchParams;

  constructor(body: string) {
    this.#values = new URLSearchParams(body);
  }

  get(name: string): string | undefined {
    return this.#values.get(name) ?? undefined;
  }

  /** @throws {ServiceError} `MissingParameter` */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new ServiceError("MissingParameter", `The request must contain the parameter ${name}`);
    return value;
  }

  /** `VpcId.1`, `VpcId.2`… in order. */
  list(name: string): string[] {
    const found: string[] = [];
    for (let n = 1; this.#values.has(`${name}.${n}`); n += 1) found.push(this.#values.get(`${name}.${n}`) ?? "");
    return found;
  }

  /** `Filter.n.Name` with its `Filter.n.Value.m`. */
  filters(): { readonly name: string; readonly values: readonly string[] }[] {
    const found: { name: string; values: string[] }[] = [];
    for (let n = 1; this.#values.has(`Filter.${n}.Name`); n += 1)
      found.push({ name: this.get(`Filter.${n}.Name`) ?? "", values: this.list(`Filter.${n}.Value`) });
    return found;
  }
}

/** Operations of a query service; each returns the members of its result. */
export type QueryOperations = Readonly<
  Record<string, (parameters: QueryParameters, cloud: CloudContext, place: Place) => { readonly [name: string]: Xml }>
>;

/** A service of the protocol awsQuery (`<XResponse><XResult>…`), or ec2Query (members at once). */
export function queryService(
  name: string,
  file: string,
  namespace: string,
  flavour: "aws" | "ec2",
  operations: QueryOperations,
): ApiService {
  return {
    file,
    error: (error) => (flavour === "ec2" ? ec2Error(error) : queryError(error, namespace)),
    async handle(request, cloud) {
      const parameters = new QueryParameters(request.body.toString("utf8"));
      const action = parameters.get("Action") ?? "";
      const run = Object.hasOwn(operations, action) ? operations[action] : undefined;
      if (!run) throw notModelled(name, action, file);
      const result = run(parameters, cloud, request.place);
      const root = `${action}Response xmlns="${namespace}"`;
      const requestId = randomUUID();
      return xml(
        flavour === "ec2"
          ? element(root, { requestId, ...result })
          : element(root, { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } }),
      );
    },
  };
}

function queryError(error: ServiceError, namespace: string): ApiResponse {
  const Type = error.httpStatus < 500 ? "Sender" : "Receiver";
  return xml(
    element(`ErrorResponse xmlns="${namespace}"`, {
      Error: { Type, Code: error.code, Message: plainMessage(error) },
      RequestId: randomUUID(),
    }),
    error.httpStatus,
  );
}

function ec2Error(error: ServiceError): ApiResponse {
  return xml(
    element("Response", { Errors: { Error: { Code: error.code, Message: plainMessage(error) } }, RequestID: randomUUID() }),
    error.httpStatus,
  );
}
