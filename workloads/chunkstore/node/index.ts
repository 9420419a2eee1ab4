/** What both kinds of node share: settings, identity, lock of the volume, log, metrics, health, discovery, queue, start and end. */
export { systemClock } from "./clock";
export { createDiscovery, type Discovery, type DiscoveryOptions, type Lookup } from "./discovery";
export { addHealthRoutes, startHealthServer, type HealthServer, type HealthSource } from "./health";
export { loadNodeId, type IdentityOptions } from "./identity";
export { lockVolume, VolumeInUse, type VolumeLock } from "./lock";
export { createLogger, type NodeLog } from "./logger";
export { createMetrics, handshakeCounter, METRIC_PREFIX } from "./metrics";
export { dropPrivileges } from "./privileges";
export { runNode, type RunningNode, type StartContext } from "./run";
export {
  readSettings, SettingsError, type ChunkserverSettings, type CommonSettings, type ControllerSettings, type Environment, type LogLevel, type Role, type RunAs,
} from "./settings";
export { VERSION } from "./version";
export { QueueFull, WorkQueue } from "./workQueue";
