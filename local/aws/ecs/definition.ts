/** Container definitions of ECS tasks: what is understood, and how it becomes a container of the runtime. */
import { z } from "zod";
import type { CheckFault } from "../../model";

const pairs = z.array(z.strictObject({ name: z.string(), value: z.string() }));
// Lists that a definition may carry empty, as exports of real ones do; anything in them changes behaviour and isn't modelled.
const empty = z.array(z.never()).optional();

/** One container definition, in ECS's own words. */
export const containerDefinitionSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, "up to 255 letters, digits, - and _"),
  image: z.string().min(1),
  command: z.array(z.string()).optional(),
  environment: pairs.optional(),
  essential: z.boolean().optional(),
  healthCheck: z
    .strictObject({
      command: z.array(z.string()).min(1),
      // Source: ECS API, HealthCheck: seconds, ranges and defaults.
      interval: z.number().int().min(5).max(300).optional(),
      timeout: z.number().int().min(2).max(60).optional(),
      retries: z.number().int().min(1).max(10).optional(),
      startPeriod: z.number().int().min(0).max(300).optional(),
    })
    .optional(),
  /** Seconds from SIGTERM to SIGKILL, real ones. @default 30 */
  stopTimeout: z.number().int().min(2).max(120).optional(),
  // Kept, without effect: every container has an address of its own, limits of CPU and memory are not enforced.
  portMappings: z
    .array(
      z.strictObject({
        containerPort: z.number().int(),
        hostPort: z.number().int().optional(),
        protocol: z.enum(["tcp", "udp"]).optional(),
        name: z.string().optional(),
        appProtocol: z.string().optional(),
      }),
    )
    .optional(),
  cpu: z.number().optional(),
  memory: z.number().optional(),
  memoryReservation: z.number().optional(),
  logConfiguration: z.strictObject({ logDriver: z.literal("awslogs"), options: z.record(z.string(), z.string()).optional() }).optional(),
  readonlyRootFilesystem: z.boolean().optional(),
  user: z.string().optional(),
  privileged: z.literal(false).optional(),
  interactive: z.boolean().optional(),
  linuxParameters: z.strictObject({ initProcessEnabled: z.boolean().optional() }).optional(),
  dockerLabels: z.record(z.string(), z.string()).optional(),
  ulimits: z.array(z.strictObject({ name: z.string(), softLimit: z.number(), hardLimit: z.number() })).optional(),
  mountPoints: empty,
  volumesFrom: empty,
  systemControls: empty,
  secrets: empty,
  dependsOn: empty,
  entryPoint: empty,
  extraHosts: empty,
});
export type ContainerDefinition = z.output<typeof containerDefinitionSchema>;

/** Faults of the JSON text that programs write; none means that {@link parseDefinitions} succeeds. */
export function definitionFaults(json: string, file: string): CheckFault[] {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (cause) {
    return [{ property: "containerDefinitions", reason: `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}` }];
  }
  const parsed = z.array(containerDefinitionSchema).min(1).safeParse(data);
  const faults = parsed.success
    ? essentialFaults(parsed.data)
    : parsed.error.issues.map((issue) => ({
        property: `containerDefinitions${issue.path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("")}`,
        reason:
          issue.code === "unrecognized_keys"
            ? `argument ${issue.keys.map((key) => JSON.stringify(key)).join(", ")} is not modelled by the local cloud; extend ${file}`
            : issue.message,
      }));
  return faults;
}

function essentialFaults(definitions: readonly ContainerDefinition[]): CheckFault[] {
  const names = definitions.map((definition) => definition.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return [
    ...(definitions.some((definition) => definition.essential ?? true)
      ? []
      : [{ property: "containerDefinitions", reason: "at least one container must be essential" }]),
    ...(twice === undefined ? [] : [{ property: "containerDefinitions", reason: `container name ${JSON.stringify(twice)} is used twice` }]),
  ];
}

/** The definitions of a text that has passed {@link definitionFaults}. */
export function parseDefinitions(json: string): ContainerDefinition[] {
  return z.array(containerDefinitionSchema).parse(JSON.parse(json));
}
