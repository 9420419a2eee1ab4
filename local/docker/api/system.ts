/** Routes of the Engine API about the engine itself: an active swarm of one node. */
import { arch, cpus, totalmem } from "node:os";
import type { FastifyInstance } from "fastify";
import type { CloudContext } from "../../model";
import { engineOf } from "../engine/index";

/** The version of the API whose subset this is, and the oldest that clients may ask for. */
const API_VERSION = "1.47";
const OLDEST_API_VERSION = "1.24";
/** The engine whose behaviour is modelled. */
const ENGINE_VERSION = "27.3.1+stackfleet";
const NODE_ID = "stackfleetlocalnode0000000";

export function systemRoutes(app: FastifyInstance, cloud: CloudContext): void {
  const machine = arch() === "x64" ? "x86_64" : arch();
  app.addHook("onSend", async (_request, reply) => {
    // Docker's clients read an error only of exactly this type.
    if (String(reply.getHeader("content-type")).startsWith("application/json")) reply.header("content-type", "application/json");
    reply.headers({ "api-version": API_VERSION, "docker-experimental": "false", ostype: "linux", server: `Docker/${ENGINE_VERSION} (linux)`, swarm: "active/manager" });
  });
  app.get("/_ping", (_request, reply) => reply.type("text/plain; charset=utf-8").send("OK"));
  app.get("/version", () => ({
    Platform: { Name: "stackfleet local cloud" }, Components: [], Version: ENGINE_VERSION, ApiVersion: API_VERSION, MinAPIVersion: OLDEST_API_VERSION, Os: "linux",
    Arch: arch() === "x64" ? "amd64" : arch(), GitCommit: "", GoVersion: "", KernelVersion: "", BuildTime: "",
  }));
  app.get("/info", () => {
    const { containers, images } = engineOf(cloud);
    const all = containers.list();
    const running = all.filter((container) => container.running).length;
    return {
      ID: NODE_ID, Name: "local", ServerVersion: ENGINE_VERSION, OSType: "linux", OperatingSystem: "stackfleet local cloud", Architecture: machine, KernelVersion: "", NCPU: cpus().length, MemTotal: totalmem(),
      Containers: all.length, ContainersRunning: running, ContainersPaused: 0, ContainersStopped: all.length - running, Images: images.list().length,
      Driver: "overlay2", DriverStatus: [], LoggingDriver: "json-file", CgroupDriver: "none", CgroupVersion: "2", DefaultRuntime: "runc", Runtimes: { runc: { path: "runc" } },
      Plugins: { Volume: ["local"], Network: ["bridge", "host", "null", "overlay"], Authorization: null, Log: ["json-file"] }, SecurityOptions: [], Warnings: null,
      RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: null }, SystemTime: cloud.clock.now().toISOString(), DockerRootDir: cloud.dataDir, Labels: [],
      Swarm: {
        NodeID: NODE_ID, NodeAddr: "127.0.0.1", LocalNodeState: "active", ControlAvailable: true, Error: "", Nodes: 1, Managers: 1,
        RemoteManagers: [{ NodeID: NODE_ID, Addr: "127.0.0.1:2377" }], Cluster: { ID: "stackfleetlocalcluster0000", Version: { Index: 1 }, Spec: {}, TLSInfo: {}, DefaultAddrPool: null, SubnetSize: 0, DataPathPort: 0 },
      },
    };
  });
}
