/** Policy: a Docker container has limits, and no more rights than its program needs. */
import { CONTAINER, isObject, listOf, type Rule, violation } from "./rule";

/** Modes that share a namespace with the machine. */
const SHARED_NAMESPACES = ["networkMode", "pidMode", "ipcMode", "usernsMode"] as const;

export const confinedContainers: Rule = {
  name: "confined-containers",
  description: "Every Docker container has a memory limit, gives up all capabilities that it doesn't name, can gain none, and shares no namespace with its machine.",
  check({ type, props }) {
    if (type !== CONTAINER) return [];
    return [
      ...(props["privileged"] === true ? [violation("privileged", "has all rights over its machine", true, "false", "name the capabilities that it needs in capabilities.adds")] : []),
      ...memoryViolations(props["memory"]),
      ...capabilityViolations(props["capabilities"]),
      ...privilegeViolations(props["securityOpts"]),
      ...SHARED_NAMESPACES.filter((property) => props[property] === "host").map((property) => violation(property, "shares it with the machine", "host", "one of its own", "leave it out")),
    ];
  },
};

function memoryViolations(memory: unknown): readonly string[] {
  if (typeof memory === "number" && memory > 0) return [];
  return [violation("memory", "no limit", memory, "MiB that the container may take", "set it, so that a leak takes this container and not the machine")];
}

function capabilityViolations(capabilities: unknown): readonly string[] {
  const drops = isObject(capabilities) ? listOf(capabilities["drops"]) : [];
  if (drops.some((drop) => String(drop).toUpperCase().replace(/^CAP_/, "") === "ALL")) return [];
  return [violation("capabilities.drops", "keeps Docker's default capabilities", drops, '["ALL"]', "drop all, and name those that are needed in capabilities.adds")];
}

function privilegeViolations(options: unknown): readonly string[] {
  const all = listOf(options);
  const bare = all.filter((option) => /^(seccomp|apparmor|label)[:=](unconfined|disable)$/.test(String(option)))
    .map((option) => violation("securityOpts", "takes the engine's protection away", option, "the engine's default", "leave it out"));
  if (all.some((option) => /^no-new-privileges([:=]true)?$/.test(String(option)))) return bare;
  return [...bare, violation("securityOpts", "programs may gain rights by setuid files", all, "no-new-privileges:true among them", "add it")];
}
