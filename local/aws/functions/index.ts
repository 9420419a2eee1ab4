/** The AWS package's functions (invokes): who and where am I, which regions and zones are there, and policy documents. */
import { createHash } from "node:crypto";
import type { CallScope, FunctionModel, Properties } from "../../model";
import { dnsSuffix, globalArn, partitionOf } from "../arn";
import { list, object, text } from "../define";
import { requireEnabledRegion, findRegion, REGIONS, regionsOfPartition, zonesOf } from "../regions";
import type { Region } from "../regions";
import { renderPolicyDocument } from "./policyDocument";

const FILE = "local/aws/functions/index.ts";
type Scope = Pick<CallScope, "region" | "account" | "signal">;

function define(name: string, invoke: (args: Properties, scope: Scope) => Properties, file = FILE): FunctionModel {
  const [module = "index", fn = name] = name.includes("/") ? name.split("/") : ["index", name];
  return { token: `aws:${module}/${fn}:${fn}`, file, invoke: async (args, scope) => invoke(args, scope) };
}

/** Refuses arguments that would change the answer and aren't modelled, as the resource models do. */
function only(args: Properties, allowed: readonly string[]): void {
  const unknown = Object.keys(args).find((key) => args[key] !== null && args[key] !== undefined && !allowed.includes(key));
  if (unknown !== undefined) throw new Error(`argument "${unknown}" is not modelled by the local cloud; extend ${FILE}`);
}

const getCallerIdentity = define("getCallerIdentity", (args, scope) => {
  only(args, ["id"]);
  return { id: scope.account, accountId: scope.account, userId: "AIDALOCALCLOUD0000000", arn: globalArn(scope, "iam", "user/local-cloud") };
});

const getRegion = define("getRegion", (args, scope) => {
  only(args, ["id", "name", "region", "endpoint"]);
  const wanted = text(args["region"]) || text(args["name"]);
  const region = wanted === "" ? (byEndpoint(text(args["endpoint"])) ?? requireEnabledRegion(scope.region)) : findRegion(wanted);
  if (!region) throw new Error(`no AWS region is named "${wanted}"`);
  return {
    id: region.name,
    name: region.name,
    region: region.name,
    description: region.description,
    endpoint: `ec2.${region.name}.${dnsSuffix(region.name)}`,
  };
});

function byEndpoint(endpoint: string): Region | undefined {
  return endpoint === "" ? undefined : REGIONS.find((region) => `ec2.${region.name}.${dnsSuffix(region.name)}` === endpoint);
}

const getRegions = define("getRegions", (args, scope) => {
  only(args, ["id", "allRegions", "filters"]);
  const filters = list(args["filters"]).map((filter) => ({ name: text(object(filter)["name"]), values: list(object(filter)["values"]) }));
  const strange = filters.find((filter) => !["opt-in-status", "region-name", "endpoint"].includes(filter.name));
  if (strange) throw new Error(`filter "${strange.name}" of getRegions is not modelled by the local cloud; extend ${FILE}`);
  const names = regionsOfPartition(scope.region, args["allRegions"] === true)
    .filter((region) => filters.every((filter) => filter.values.includes(regionAttribute(region, filter.name))))
    .map((region) => region.name)
    .sort();
  return { id: partitionOf(scope.region), names, ...(args["allRegions"] === undefined ? {} : { allRegions: args["allRegions"] }) };
});

function regionAttribute(region: Region, name: string): string {
  if (name === "region-name") return region.name;
  return name === "endpoint" ? `ec2.${region.name}.${dnsSuffix(region.name)}` : optInStatus(region);
}

/** As `DescribeRegions` says it. */
export function optInStatus(region: Region): "opt-in-not-required" | "opted-in" | "not-opted-in" {
  if (!region.optIn) return "opt-in-not-required";
  return regionsOfPartition(region.name, false).includes(region) ? "opted-in" : "not-opted-in";
}

const getPartition = define("getPartition", (args, scope) => {
  only(args, ["id"]);
  const suffix = dnsSuffix(scope.region);
  const partition = partitionOf(scope.region);
  return { id: partition, partition, dnsSuffix: suffix, reverseDnsPrefix: suffix.split(".").toReversed().join(".") };
});

const getAvailabilityZones = define("getAvailabilityZones", (args, scope) => {
  only(args, ["allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "region", "state", "id"]);
  const region = text(args["region"], scope.region);
  requireEnabledRegion(region);
  const [filter] = list(args["filters"])
    .map(object)
    .filter((each) => !["opt-in-status", "zone-type", "state", "region-name"].includes(text(each["name"])));
  if (filter)
    throw new Error(`filter "${text(filter["name"])}" of getAvailabilityZones is not modelled by the local cloud; extend ${FILE}`);
  const zones = zonesOf(region).filter(
    (zone) => !list(args["excludeNames"]).includes(zone.name) && !list(args["excludeZoneIds"]).includes(zone.id),
  );
  const available = (args["state"] ?? "available") === "available" ? zones : [];
  return {
    id: region,
    region,
    state: args["state"] ?? null,
    names: available.map((zone) => zone.name),
    zoneIds: available.map((zone) => zone.id),
    groupNames: [`${region}-zg-1`],
  };
});

/** AMIs of Amazon's own, by the public parameters that name the latest one. Source: AWS, "Reference the latest AMIs using Systems Manager public parameters". */
const PUBLIC_AMI = /^\/aws\/service\/ami-amazon-linux-latest\/(al2023-ami-(?:kernel-default|minimal-kernel-default|kernel-6\.1)-(?:x86_64|arm64))$/;

const getParameter: FunctionModel = {
  token: "aws:ssm/getParameter:getParameter",
  file: FILE,
  invoke: async (args, scope, cloud) => {
    only(args, ["name", "region", "withDecryption"]);
    const name = text(args["name"]);
    const region = text(args["region"], scope.region);
    const image = PUBLIC_AMI.exec(name)?.[1];
    const own = cloud.store.list("aws:ssm/parameter:Parameter", { region, account: scope.account }).find(({ id }) => id === name);
    if (image === undefined && own === undefined) throw new Error(`reading SSM Parameter (${name}): ParameterNotFound; the local cloud knows the parameters of its stacks and /aws/service/ami-amazon-linux-latest/al2023-ami-*`);
    const value = image === undefined ? text(own?.outputs["value"]) : `ami-${createHash("sha256").update(`${region} ${image}`).digest("hex").slice(0, 17)}`;
    return { id: name, name, value, insecureValue: value, type: image === undefined ? text(own?.outputs["type"], "String") : "String", version: 1, arn: `arn:${partitionOf(region)}:ssm:${region}::parameter${name}`, region };
  },
};

const getPolicyDocument: FunctionModel = {
  token: "aws:iam/getPolicyDocument:getPolicyDocument",
  file: "local/aws/functions/policyDocument.ts",
  invoke: async (args) => renderPolicyDocument(args),
};

export const awsFunctions: readonly FunctionModel[] = [
  getCallerIdentity,
  getRegion,
  getRegions,
  getPartition,
  getAvailabilityZones,
  getPolicyDocument,
  getParameter,
];
