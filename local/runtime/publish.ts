/** Ports of the machine that containers publish: who has one, and whether it is free. The containers' own processes listen there. */
import { createServer } from "node:net";
import { ServiceError } from "../model";
import type { ContainerSpec } from "./port";
import { errorCode } from "./processes";

type Published = NonNullable<ContainerSpec["publish"]>[number];

const EVERYWHERE = new Set(["", "0.0.0.0", "::"]);

/** A container that holds its ports. */
export interface Holder { readonly spec: ContainerSpec; readonly holdsPorts: boolean }

/** The local cloud serves this machine only: what would listen everywhere listens on its loopback. */
export function publishedAddress(hostAddress: string): string {
  return EVERYWHERE.has(hostAddress) ? "127.0.0.1" : hostAddress;
}

/**
 * Checks that a container could listen on the ports it publishes.
 * @throws ServiceError `PortAllocated`, in Docker's words
 */
export async function checkPublished(spec: ContainerSpec, others: Iterable<Holder>): Promise<void> {
  const held = new Set([...others].filter((other) => other.holdsPorts && other.spec.id !== spec.id).flatMap(({ spec: { publish = [] } }) => publish.map(keyOf)));
  for (const port of spec.publish ?? []) {
    if (!/^127\./.test(publishedAddress(port.hostAddress))) {
      throw new ServiceError("InvalidParameterException", `publish.hostAddress: not an address of this machine alone; got ${port.hostAddress}; expected one of 127.0.0.0/8; use 127.0.0.1`);
    }
    if (held.has(keyOf(port)) || !(await isFree(port))) throw allocated(port);
  }
}

function keyOf({ hostAddress, hostPort }: Published): string {
  return `${publishedAddress(hostAddress)}:${hostPort}`;
}

/** Listens for a moment: the one question that the system answers for certain. */
function isFree({ hostAddress, hostPort }: Published): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (errorCode(error) === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen({ host: publishedAddress(hostAddress), port: hostPort, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function allocated({ hostAddress, hostPort }: Published): ServiceError {
  return new ServiceError("PortAllocated", `Bind for ${hostAddress === "" ? "0.0.0.0" : hostAddress}:${hostPort} failed: port is already allocated`, 500);
}
