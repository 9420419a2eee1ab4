/** Policy: a Docker container's ports answer this machine only. */
import { isIPv4 } from "node:net";
import { CONTAINER, isObject, listOf, type Rule, violation } from "./rule";

export const noPublicPorts: Rule = {
  name: "no-public-ports",
  description: "Docker containers publish ports on loopback addresses only, or on addresses that the policy's configuration names.",
  configSchema: {
    properties: { addresses: { type: "array", items: { type: "string" }, description: "More addresses on which ports may be published, such as 10.0.0.5." } },
  },
  check({ type, props }, config) {
    if (type !== CONTAINER) return [];
    const allowed = listOf(config?.["addresses"]);
    const everything = props["publishAllPorts"] === true ? [violation("publishAllPorts", "publishes on all addresses", true, "single ports", "name them in ports, with ip")] : [];
    return [...everything, ...listOf(props["ports"]).flatMap((port, index) => {
      const ip = isObject(port) ? port["ip"] : undefined;
      if (isLoopback(ip) || allowed.includes(ip)) return [];
      // Docker's port rules come before the firewall of most machines.
      return [violation(`ports[${index}].ip`, "open to others", ip, "a loopback address, such as 127.0.0.1", "set it and put a proxy with TLS before it, or allow the address in the policy's configuration")];
    })];
  },
};

function isLoopback(ip: unknown): boolean {
  return ip === "::1" || (typeof ip === "string" && isIPv4(ip) && ip.startsWith("127."));
}
