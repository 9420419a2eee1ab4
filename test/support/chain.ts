/** A package of five resource types, each referring to the one before, and a runtime without containers: for tests of the core. */
import { z } from "zod";
import type { CallScope, CloudContext, PackageModel, Properties, ResourceModel, ResourceRecord } from "../../local/model";
import type { ContainerRuntime, FunctionRuntime } from "../../local/runtime/port";

export const CHAIN_TYPES = [1, 2, 3, 4, 5].map((link) => `chain:index:Link${link}`);

const args = z.strictObject({
  name: z.string(),
  /** Id of the link before; must exist. */
  previous: z.string().optional(),
  size: z.number().optional(),
  /** A change replaces. */
  zone: z.string().optional(),
  password: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  /** The start fails, after the link was made. */
  broken: z.boolean().optional(),
});
type Inputs = z.output<typeof args>;

/** Simulated seconds: long enough to act while one goes on, short enough at a high time scale. */
export const CREATE_SECONDS = 10;

export interface ChainOptions { readonly createSeconds?: number }

function link(type: string, previous: string | undefined, { createSeconds = CREATE_SECONDS }: ChainOptions): ResourceModel<never> {
  const latency = (seconds: number) => ({ seconds, source: "chosen for tests" });
  const model: ResourceModel<Inputs> = {
    type, file: "test/support/chain.ts", args, replaceOn: ["zone"],
    autoname: { property: "name", maxLength: 40 },
    latency: { create: latency(createSeconds), update: latency(1), delete: latency(1), read: latency(0.1) },
    begin(inputs: Inputs, scope: CallScope, cloud: CloudContext) {
      if (previous && inputs.previous && !cloud.store.get(previous, inputs.previous, scope)) throw new Error(`InvalidLink: ${inputs.previous} does not exist`);
      const id = `link-${cloud.ids.hex(17)}`;
      const arn = `arn:chain:${scope.region}:${id}`;
      return { id, arn, outputs: { ...(inputs as Properties), arn, region: scope.region } };
    },
    async settle(record: ResourceRecord) {
      if (record.inputs["broken"] === true) throw new Error(`LinkBroken: the link did not come up with ${String(record.inputs["password"] ?? "no password")}`);
      return { ready: true };
    },
    beforeDelete(record: ResourceRecord, cloud: CloudContext) {
      const next = CHAIN_TYPES[CHAIN_TYPES.indexOf(type) + 1];
      if (next !== undefined && cloud.store.list(next).some((other) => other.inputs["previous"] === record.id)) throw new Error(`DependencyViolation: ${record.id} has a dependent link`);
    },
    importIds: (record: ResourceRecord) => [`named/${String(record.inputs["name"])}`],
  };
  // A package lists models whose inputs' type is their own business.
  return model as ResourceModel<never>;
}

export function chainPackage(options: ChainOptions = {}): PackageModel {
  return {
    name: "chain", version: "1.0.0",
    resources: CHAIN_TYPES.map((type, index) => link(type, CHAIN_TYPES[index - 1], options)),
    functions: [{ token: "chain:index:getRegion", file: "test/support/chain.ts", invoke: async (_args, scope) => ({ region: scope.region, account: scope.account }) }],
  };
}

/** Runs nothing; any use fails. */
export function noContainers(): ContainerRuntime & { restore(): Promise<void>; close(): Promise<void> } {
  const refuse = (): never => {
    throw new Error("this runtime has no containers");
  };
  return {
    run: refuse, remove: refuse, stop: refuse, start: refuse, waitHealthy: refuse, kill: refuse, logs: refuse, resolve: refuse,
    connect: refuse, disconnect: refuse, networksOf: () => [], setLink: refuse, links: () => [],
    get: () => undefined, list: () => [], onChange: () => () => undefined,
    restore: async () => undefined, close: async () => undefined,
  };
}

export function noFunctions(): FunctionRuntime & { close(): Promise<void> } {
  const refuse = (): never => {
    throw new Error("this runtime has no functions");
  };
  return { deploy: refuse, remove: refuse, invoke: refuse, close: async () => undefined };
}
