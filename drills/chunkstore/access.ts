/** How a drill reaches a chunk store: what its stack put out, checked. */
import { z } from "zod";
import { DrillError } from "../errors";

/** The account that a stack's `adminPassword` belongs to. */
const ADMIN = "admin";

const nodeSchema = z.object({
  name: z.string(),
  role: z.enum(["controller", "chunkserver"]),
  containerId: z.string(),
  containerName: z.string(),
  /** Of controllers: base URL of the clients' API as it is reached from here. */
  endpoint: z.string().optional(),
});

/** Outputs of a stack with a `ChunkStoreCluster`. */
const outputsSchema = z.object({
  endpoints: z.array(z.string()).min(1),
  networkName: z.string(),
  nodes: z.array(nodeSchema).min(1),
  replicationFactor: z.union([z.literal("all"), z.int().positive()]),
  adminPassword: z.string({ error: ({ input }) => `got ${input === undefined ? "nothing" : typeof input}; expected the password of the account ${ADMIN}, which the drill logs in as` }),
  accountNames: z.array(z.string()).min(1),
});

export interface StoreNode {
  readonly name: string;
  readonly role: "controller" | "chunkserver";
  /** The container's id. */
  readonly container: string;
}
export interface ControllerNode extends StoreNode { readonly endpoint: string }

export interface StoreAccess {
  readonly controllers: readonly ControllerNode[];
  readonly chunkservers: readonly StoreNode[];
  readonly network: string;
  readonly replicationFactor: "all" | number;
  readonly user: string;
  readonly password: string;
}

/**
 * @param stack for messages
 * @throws DrillError `stack-not-up`, `stack-unsuitable`
 */
export function storeAccess(stack: string, outputs: Readonly<Record<string, unknown>>): StoreAccess {
  if (Object.keys(outputs).length === 0) throw new DrillError("stack-not-up", `the stack has no outputs; got ${stack}; expected a chunk store that is up`, { fix: `stackfleet up ${stack}` });
  const parsed = outputsSchema.safeParse(outputs);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
    if (outputs["endpoints"] !== undefined) {
      throw new DrillError("stack-unsuitable", `the outputs of ${stack} are not all that a drill needs: ${faults}`, { fix: `have its program put them out as the stack program chunkstore does, then: stackfleet up ${stack}` });
    }
    throw new DrillError("stack-unsuitable", `the outputs of ${stack} are not those of a chunk store: ${faults}`, { fix: `name its stack with --stack, or bring it up to date: stackfleet up ${stack}` });
  }
  const { nodes, endpoints, networkName, replicationFactor, adminPassword, accountNames } = parsed.data;
  const controllers = nodes.filter(({ role }) => role === "controller")
    .map(({ name, role, containerId, endpoint }, index) => ({ name, role, container: containerId, endpoint: trimmed(endpoint ?? endpoints[index] ?? "") }));
  const unreachable = controllers.find(({ endpoint }) => endpoint === "");
  if (unreachable) throw new DrillError("stack-unsuitable", `the outputs of ${stack} name no endpoint for ${unreachable.name}`, { fix: `bring it up to date: stackfleet up ${stack}` });
  return {
    controllers, network: networkName, replicationFactor, password: adminPassword,
    chunkservers: nodes.filter(({ role }) => role === "chunkserver").map(({ name, role, containerId }) => ({ name, role, container: containerId })),
    user: accountNames.includes(ADMIN) ? ADMIN : accountNames[0] ?? ADMIN,
  };
}

function trimmed(endpoint: string): string {
  return endpoint.replace(/\/+$/, "");
}
