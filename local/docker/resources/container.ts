/** `docker:index/container:Container`: created, joined to its networks, given its files, started, and waited for, in the provider's order. */
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import { CONTAINER, defineDocker } from "../define";
import { startFailure } from "../engine/containers";
import { engineOf } from "../engine/index";
import { endContainer } from "../engine/remove";
import { askedNetworks, containerInputs, runtimeId, specOf, volumeMounts } from "../engine/spec";
import { asProvider, EngineError, providerError, repeated } from "../errors";
import { linesOf } from "../lines";
import { containerFaults, containerShape, FILE, REPLACE_ON, type ContainerInputs } from "./containerArgs";
import { containerOutputs } from "./containerOutputs";
import { waitForEnd, waitForHealth } from "./containerWait";

export const container = defineDocker({
  type: CONTAINER,
  file: FILE,
  shape: containerShape,
  replaceOn: REPLACE_ON,
  // Source: pulumi-docker, provider/resources.go: two containers of one name, or one port, can't be.
  deleteBeforeReplace: true,
  check: containerFaults,
  begin(inputs, scope, cloud) {
    const { containers, images } = engineOf(cloud);
    const name = inputs.name ?? `${scope.name}-${cloud.ids.hex(7)}`;
    asProvider(`Unable to create container with image ${inputs.image}: unable to pull image ${inputs.image}: error pulling image ${inputs.image}`, () => images.obtain(inputs.image));
    requireUploads(inputs);
    asProvider("Unable to create container", () => containers.requireFree(name));
    return { id: cloud.ids.hex(64), outputs: { name, mustRun: inputs.mustRun ?? true, restart: inputs.restart ?? "no", ports: portsOf(inputs) } };
  },
  async settle(record, scope, cloud) {
    await bringUp(record, scope.signal, cloud);
    const { attach, logs } = containerInputs(record);
    const containerLogs = attach === true && logs === true ? await allLogs(record, cloud) : undefined;
    return { ...containerOutputs(engineOf(cloud).containers.view(current(record, cloud)), cloud), ...(containerLogs !== undefined && { containerLogs }) };
  },
  async read(record, cloud) {
    return { ...record.outputs, ...containerOutputs(engineOf(cloud).containers.view(record), cloud) };
  },
  /** A container that was found stopped is started, if it must run; one that never came up begins anew. */
  async update(record, inputs, scope, cloud) {
    const next = { ...record, inputs: inputs as unknown as Properties };
    const { containers } = engineOf(cloud);
    const view = containers.view(next);
    const wanted = inputs.start !== false && inputs.mustRun !== false;
    if (wanted && view.state === undefined) await bringUp(next, scope.signal, cloud);
    else if (wanted) await containers.start(view).catch((error: unknown) => { throw repeated("Unable to start container", error); });
    return containerOutputs(containers.view({ ...current(record, cloud), inputs: next.inputs }), cloud);
  },
  // Reading sets `mustRun` to false when the container doesn't run (resourceDockerContainerRead).
  drifted: (outputs, news) => (outputs["mustRun"] === false && news["mustRun"] !== false ? ["mustRun"] : []),
  async destroy(record, _scope, cloud) {
    const { destroyGraceSeconds = 0, removeVolumes = true } = containerInputs(record);
    await endContainer(record, destroyGraceSeconds, removeVolumes, cloud);
  },
});

/** All that follows the creation; what is done already (the daemon was restarted meanwhile) stays. */
async function bringUp(record: ResourceRecord, signal: AbortSignal, cloud: CloudContext): Promise<void> {
  const { containers } = engineOf(cloud);
  const inputs = containerInputs(record);
  prepareVolumes(record, cloud);
  const networks = joined(record, cloud);
  requireWritableRoot(record);
  if (inputs.start === false) return;
  await containers.choosePorts(record);
  await start(current(record, cloud), inputs, networks, cloud);
  if (inputs.wait === true) await waitForHealth(containers.view(record), inputs.waitTimeout, signal, cloud);
  if (inputs.attach === true) await waitForEnd(containers.view(record), signal, cloud);
}

async function start(stored: ResourceRecord, inputs: ContainerInputs, networks: Joined, cloud: CloudContext): Promise<void> {
  const { containers, images } = engineOf(cloud);
  const record = { ...stored, inputs: inputs as unknown as Properties };
  const view = containers.view(record);
  try {
    if (view.state !== undefined) return void (await containers.start(view));
    containers.requirePorts(record);
    await cloud.runtime.run(specOf(record, images.obtain(inputs.image), networks));
  } catch (error) {
    throw repeated("Unable to start container", startFailure(record, error));
  }
}

type Joined = readonly { readonly name: string; readonly aliases: readonly string[] }[];

/** The networks to join. @throws {ServiceError} for one that isn't there or can't be joined */
function joined(record: ResourceRecord, cloud: CloudContext): Joined {
  const { networks } = engineOf(cloud);
  return askedNetworks(record).map(({ reference, aliases }) => asProvider(`Unable to connect to network '${reference}'`, () => {
    const network = networks.get(reference);
    networks.requireAttachable(network);
    return { name: network.name, aliases };
  }));
}

function prepareVolumes(record: ResourceRecord, cloud: CloudContext): void {
  const { volumes } = engineOf(cloud);
  for (const { name } of volumeMounts(record)) asProvider("Unable to create container", () => volumes.ensure(name));
}

/** Docker puts no file into a root file system that is read-only, not even before the start. */
function requireWritableRoot(record: ResourceRecord): void {
  const { readOnly, uploads = [] } = containerInputs(record);
  const mounted = volumeMounts(record).filter((mount) => !mount.readOnly).map(({ mountPath }) => mountPath);
  if (readOnly !== true || uploads.every(({ file }) => mounted.some((folder) => file.startsWith(`${folder}/`)))) return;
  throw repeated("Unable to upload volume content", new EngineError(400, "container rootfs is marked read-only"));
}

function requireUploads({ uploads = [] }: ContainerInputs): void {
  for (const { content, contentBase64 } of uploads) {
    const given = [content, contentBase64].filter((text) => text !== undefined && text !== "").length;
    if (given === 0) throw providerError("error with upload content: one of 'content' or 'content_base64' must be set");
    if (given > 1) throw providerError("error with upload content: only one of 'content' or 'content_base64' can be set");
  }
}

function portsOf({ ports = [] }: ContainerInputs): Properties[] {
  return ports.map(({ internal, external, ip, protocol }) => ({ internal, external: external ?? 0, ip: ip ?? "0.0.0.0", protocol: protocol ?? "tcp" }));
}

async function allLogs(record: ResourceRecord, cloud: CloudContext): Promise<string> {
  const lines = await linesOf(runtimeId(record), cloud);
  return lines.map((line) => `${line}\n`).join("");
}

function current(record: ResourceRecord, cloud: CloudContext): ResourceRecord {
  return cloud.store.get(CONTAINER, record.id) ?? record;
}
