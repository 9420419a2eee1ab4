/** What the package says of itself, what its SDK sends and what its checks take are three texts of one thing. */
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { clusterHandler } from "../../../providers/aerospike-cloud/provider/resources/cluster";
import { clusterReadyHandler } from "../../../providers/aerospike-cloud/provider/resources/clusterReady";
import { clusterInputs, clusterReadyInputs, peeringInputs, peeringReadyInputs } from "../../../providers/aerospike-cloud/provider/resources/inputs";
import { vpcPeeringHandler, vpcPeeringReadyHandler } from "../../../providers/aerospike-cloud/provider/resources/vpcPeering";
import { schema } from "../../../providers/aerospike-cloud/schema";
import { Cluster, ClusterReady, VpcPeering, VpcPeeringReady } from "../../../providers/aerospike-cloud/sdk";
import { runMocked } from "../components/mocks";

interface Property { readonly replaceOnChanges?: boolean; readonly $ref?: string; readonly enum?: readonly string[] }
interface ObjectSchema { readonly properties: Record<string, Property>; readonly required?: readonly string[] }
const types = schema.types as unknown as Record<string, ObjectSchema>;
const resources = schema.resources as unknown as Record<string, ObjectSchema & { readonly inputProperties: Record<string, Property>; readonly requiredInputs: readonly string[] }>;

const sorted = (names: Iterable<string>): string[] => [...names].sort();

/** Keys of an object schema, and those that must be there; of a union, of all its members together. */
function keysOf(form: z.ZodType): { readonly all: string[]; readonly required: string[] } {
  const members = form instanceof z.ZodOptional ? [form.unwrap()] : form instanceof z.ZodDiscriminatedUnion ? form.options : [form];
  if (!(members[0] instanceof z.ZodObject)) return keysOf(members[0] as z.ZodType);
  const shapes = members.map((member) => (member as z.ZodObject).shape as Record<string, z.ZodType>);
  const all = new Set(shapes.flatMap((shape) => Object.keys(shape)));
  const required = [...all].filter((key) => shapes.every((shape) => shape[key]?.safeParse(undefined).success === false));
  return { all: sorted(all), required: sorted(required) };
}

/** Paths whose change replaces, by the schema. */
function replacing(properties: Record<string, Property>, prefix = ""): string[] {
  return Object.entries(properties).flatMap(([name, { replaceOnChanges, $ref }]) => {
    const nested = types[$ref?.replace("#/types/", "") ?? ""];
    return [...(replaceOnChanges === true ? [`${prefix}${name}`] : []), ...(nested ? replacing(nested.properties, `${prefix}${name}.`) : [])];
  });
}

const infrastructure = { instanceType: "i4i.large", region: "eu-west-1", availabilityZoneCount: 1 };
const RESOURCES = [
  { handler: clusterHandler, inputs: clusterInputs, make: () => new Cluster("c", { dataPlaneVersion: "1", logging: {}, infrastructure, aerospikeCloud: { clusterSize: 1, dataStorage: "memory" } }) },
  { handler: clusterReadyHandler, inputs: clusterReadyInputs, make: () => new ClusterReady("r", { clusterId: "1" }) },
  { handler: vpcPeeringHandler, inputs: peeringInputs, make: () => new VpcPeering("p", { clusterId: "1", vpcId: "vpc-0123456789abcdef0", cidrBlock: "10.0.0.0/16", accountId: "123456789012", region: "eu-west-1" }) },
  { handler: vpcPeeringReadyHandler, inputs: peeringReadyInputs, make: () => new VpcPeeringReady("v", { clusterId: "1", peering: "2" }) },
] as const;

describe("the package's schema", () => {
  it("has the resources of the provider, and no other", () => {
    expect(sorted(Object.keys(resources))).toEqual(sorted(RESOURCES.map(({ handler }) => handler.type)));
  });

  it.each(RESOURCES)("tells the inputs that $handler.type is checked for", ({ handler, inputs }) => {
    const { inputProperties, requiredInputs } = resources[handler.type] ?? expect.unreachable();
    expect({ all: sorted(Object.keys(inputProperties)), required: sorted(requiredInputs) }).toEqual(keysOf(inputs));
  });

  it.each([
    ["Infrastructure", clusterInputs.shape.infrastructure], ["NetworkStorage", clusterInputs.shape.infrastructure.shape.networkAttachedStorage],
    ["AerospikeCloud", clusterInputs.shape.aerospikeCloud], ["Logging", clusterInputs.shape.logging],
  ])("tells what the type %s is checked for", (name, form) => {
    const { properties, required = [] } = types[`aerospikecloud:index:${name}`] ?? expect.unreachable();
    expect({ all: sorted(Object.keys(properties)), required: sorted(required) }).toEqual(keysOf(form));
  });

  it.each(RESOURCES)("tells what replaces $handler.type", ({ handler }) => {
    const { inputProperties } = resources[handler.type] ?? expect.unreachable();
    // Server settings are open: that of them which replaces can't be told by a schema.
    expect(sorted(replacing(inputProperties))).toEqual(sorted(handler.replaceOn.filter((path) => !path.startsWith("aerospikeServer."))));
  });

  it.each(RESOURCES)("tells what the class of $handler.type sends and holds", async ({ handler, make }) => {
    let properties: string[] = [];
    const ran = await runMocked(() => { properties = Object.entries(make()).flatMap(([name, value]) => (pulumi.Output.isInstance(value) && !["id", "urn"].includes(name) ? [name] : [])); });
    const told = resources[handler.type] ?? expect.unreachable();
    expect(sorted(properties)).toEqual(sorted(Object.keys(told.properties)));
    const [sent] = ran.of(handler.type);
    expect(sorted(Object.keys(sent?.inputs ?? {}))).toEqual(sorted(Object.keys(told.inputProperties)));
    expect(await handler.check(sent?.inputs as never, [], { client: undefined as never, signal: AbortSignal.abort(), warn: () => undefined }, false)).toEqual([]);
  });
});
