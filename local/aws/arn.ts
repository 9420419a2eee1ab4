/** ARNs, partitions and DNS suffixes in their real forms. */
import type { CallScope } from "../model";

/** Where a resource lives. */
export type Place = Pick<CallScope, "region" | "account">;

export type Partition = "aws" | "aws-cn" | "aws-us-gov";

/** Partition of a region, as AWS names them. */
export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** `amazonaws.com`, in China `amazonaws.com.cn`. */
export function dnsSuffix(region: string): string {
  return partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
}

/** `arn:<partition>:<service>:<region>:<account>:<resource>` */
export function arn(place: Place, service: string, resource: string): string {
  return `arn:${partitionOf(place.region)}:${service}:${place.region}:${place.account}:${resource}`;
}

/** An ARN of a service without regions, such as IAM. */
export function globalArn(place: Place, service: string, resource: string): string {
  return `arn:${partitionOf(place.region)}:${service}::${place.account}:${resource}`;
}

/** The name behind the last `/` or `:` of an ARN, or the text itself when it is a name. */
export function nameOf(arnOrName: string): string {
  return arnOrName.startsWith("arn:") ? (arnOrName.split(/[/:]/).at(-1) ?? arnOrName) : arnOrName;
}
