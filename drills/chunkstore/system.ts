/** The chunk store as a system that can be drilled: reaches its engine and its controllers, and checks that they belong together. */
import { mkdir, rm } from "node:fs/promises";
import * as path from "node:path";
import { DockerEngine, EngineRefusal } from "../engine/client";
import { describeHost } from "../engine/host";
import { DrillError } from "../errors";
import { UndoStack } from "../undo";
import { undoFile, undoPath } from "../undo-file";
import { prepared, type DrillSystem, type PreparedDrills, type PrepareOptions } from "../system";
import { storeAccess, type StoreAccess } from "./access";
import { CHUNKSTORE_DRILLS } from "./index";
import { clientSession } from "./session";
import { ChunkStore, removeNetwork } from "./store";
import { describeUndo, storeUndoSchema } from "./undo";

export const chunkstore: DrillSystem = {
  name: "chunkstore",
  summary: "the distributed chunk store",
  defaultStack: "chunkstore",
  drills: CHUNKSTORE_DRILLS.map(({ name, summary }) => ({ name, summary })),
  prepare,
};

async function prepare(options: PrepareOptions): Promise<PreparedDrills> {
  if (Object.keys(options.outputs).length === 0) await mendAfterDestroy(options);
  const access = storeAccess(options.stack, options.outputs);
  const engine = new DockerEngine(options.engine);
  // What a drill that was killed left here goes with the next one: only one drill runs on a stack.
  const folder = path.join(options.stateDir, `${options.stack}.files`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const close = async (): Promise<void> => {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await engine.version(options.signal);
    await expectContainers(engine, access, options);
    const clients = clientSession({ user: access.user, password: access.password, endpoints: access.controllers.map(({ endpoint }) => endpoint) });
    const system = new ChunkStore({ engine, access, clients: clients.of, clock: options.clock, folder, realEngine: options.realEngine });
    const closeAll = async (): Promise<void> => {
      await clients.close();
      await close();
    };
    return prepared(CHUNKSTORE_DRILLS, { system, drillable: system, undoSchema: storeUndoSchema, close: closeAll }, options);
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Puts back what a killed drill left of a stack that was destroyed since. Nodes and files went with it; what the drill had made didn't.
 * @throws DrillError `stack-not-up` that says what was put back
 */
async function mendAfterDestroy({ clock, engine: host, signal, stack, stateDir }: PrepareOptions): Promise<void> {
  const engine = new DockerEngine(host);
  try {
    const undo = new UndoStack(undoFile(undoPath(stateDir, stack), storeUndoSchema), async (action) => {
      if (action.kind === "remove-network") await removeNetwork(engine, action.network, clock, signal);
    });
    const removed = undo.actions.filter(({ kind }) => kind === "remove-network").map(describeUndo);
    if (undo.size === 0) return;
    const [failed] = await undo.unwind();
    if (failed?.error !== undefined) throw new DrillError("not-put-back", `an earlier drill's damage can't be put back: ${describeUndo(failed.action)}: ${failed.error}`, { fix: "run the drill again" });
    throw new DrillError("stack-not-up", `stack ${stack} is not up; what an earlier drill had left was put back${removed.length > 0 ? `: ${removed.join(", ")}` : ""}`, { fix: `stackfleet up ${stack}` });
  } finally {
    await engine.close();
  }
}

/** @throws DrillError `container-unknown`: the stack lives on another engine, or was changed by hand */
async function expectContainers(engine: DockerEngine, access: StoreAccess, { stack, signal }: PrepareOptions): Promise<void> {
  const nodes = [...access.controllers, ...access.chunkservers];
  const missing = (await Promise.all(nodes.map(async ({ name, container }) => {
    try {
      await engine.inspect(container, signal);
      return [];
    } catch (error) {
      if (error instanceof EngineRefusal && error.status === 404) return [name];
      throw error;
    }
  }))).flat();
  if (missing.length === 0) return;
  throw new DrillError("container-unknown", `the engine at ${describeHost(engine.host)} has no container of ${missing.join(", ")}; got ${missing.length} missing of ${nodes.length} nodes of stack ${stack}`,
    { fix: "name the engine that the stack was deployed to (DOCKER_HOST with --docker), or bring the stack up again" });
}
