/** `docker:index/network:Network`: bridge and overlay networks. */
import { BlockList, isIPv4 } from "node:net";
import { z } from "zod";
import type { CheckFault, CloudContext, Properties } from "../../model";
import { defineDocker, labelList, listOf, NETWORK, objectOf, textOf } from "../define";
import { engineOf } from "../engine/index";
import { IPAM } from "../engine/networks";
import { asProvider, EngineError } from "../errors";
import { untilFree } from "../removal";

/** First identifier that Docker gives to an overlay network's VXLAN. Source: libnetwork, drivers/overlay/ovmanager. */
const FIRST_VXLAN_ID = 4097;

export const network = defineDocker({
  type: NETWORK,
  file: "local/docker/resources/network.ts",
  shape: {
    name: z.string().optional(),
    driver: z.enum(["bridge", "overlay"], "only bridge and overlay networks are modelled by the local cloud").optional(),
    attachable: z.boolean().optional(),
    internal: z.boolean().optional(),
    ingress: z.literal(false, "a routing mesh of one's own is not modelled by the local cloud").optional(),
    ipv6: z.literal(false, "IPv6 is not modelled by the local cloud").optional(),
    ipamDriver: z.literal("default").optional(),
    ipamConfigs: z.array(z.strictObject({ subnet: z.string().optional(), gateway: z.string().optional(), ipRange: z.string().optional() })).optional(),
    options: z.record(z.string(), z.string()).optional(),
    labels: labelList,
  },
  replaceOn: ["name", "driver", "attachable", "internal", "ingress", "ipv6", "ipamDriver", "ipamConfigs", "options", "labels"],
  check: subnetFaults,
  begin(inputs, scope, cloud) {
    const { networks } = engineOf(cloud);
    const name = inputs.name ?? `${scope.name}-${cloud.ids.hex(7)}`;
    asProvider("Unable to create network", () => {
      networks.requireFree(name);
      for (const { subnet } of inputs.ipamConfigs ?? []) if (subnet !== undefined) requireFreeSubnet(subnet, cloud);
    });
    const overlay = inputs.driver === "overlay";
    const vxlan: Record<string, string> = overlay ? { "com.docker.network.driver.overlay.vxlanid_list": String(FIRST_VXLAN_ID + cloud.store.list(NETWORK).length) } : {};
    return {
      id: networks.newId(inputs.driver ?? "bridge"),
      outputs: {
        name, driver: inputs.driver ?? "bridge", scope: overlay ? "swarm" : "local", internal: inputs.internal ?? false, attachable: inputs.attachable ?? false,
        ingress: false, ipv6: false, ipamDriver: "default", ipamConfigs: (inputs.ipamConfigs ?? IPAM).map((config) => ({ ...config })), options: { ...vxlan, ...inputs.options },
      },
    };
  },
  async destroy(record, { signal }, cloud) {
    const { networks } = engineOf(cloud);
    await untilFree(() => networks.inUse({ name: textOf(record.outputs["name"]), id: record.id }), "pending", cloud, signal);
  },
});

function subnetFaults(inputs: Properties): CheckFault[] {
  return listOf(inputs["ipamConfigs"]).flatMap((item, index) => {
    const { subnet } = objectOf(item);
    const valid = typeof subnet !== "string" || parseSubnet(subnet) !== undefined;
    return valid ? [] : [{ property: `ipamConfigs[${index}].subnet`, reason: `got "${subnet}"; expected an IPv4 network as 10.1.0.0/16` }];
  });
}

function parseSubnet(text: string): { readonly address: string; readonly length: number } | undefined {
  const [address = "", length = ""] = text.split("/");
  return isIPv4(address) && /^\d{1,2}$/.test(length) && Number(length) <= 32 ? { address, length: Number(length) } : undefined;
}

/** Only what programs chose themselves can overlap: containers' real addresses are the machine's. @throws {EngineError} 403 */
function requireFreeSubnet(subnet: string, cloud: CloudContext): void {
  const taken = cloud.store.list(NETWORK).flatMap(({ inputs }) => listOf(inputs["ipamConfigs"]).map((config) => textOf(objectOf(config)["subnet"])));
  if (taken.some((other) => other !== "" && overlap(subnet, other))) throw new EngineError(403, "invalid pool request: Pool overlaps with other one on this address space");
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [parseSubnet(one), parseSubnet(other)];
  if (a === undefined || b === undefined) return false;
  const contains = (outer: typeof a, inner: typeof a): boolean => {
    const list = new BlockList();
    list.addSubnet(outer.address, outer.length);
    return list.check(inner.address);
  };
  return contains(a, b) || contains(b, a);
}
