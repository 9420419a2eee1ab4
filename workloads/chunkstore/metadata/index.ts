/** The replicated metadata: versions and their merge, the durable store of one node, cluster time, membership, gossip and anti-entropy. */
export { isAcknowledged, safeReplicas, type ReplicaReport } from "./acknowledge";
export { compareClocks, countOf, joinClocks, type ClockOrder } from "./clock";
export { ClusterTime, ONE_WAY_ROUND_TRIP_MS, SAMPLE_TTL_MS, type ClusterClock } from "./clusterTime";
export { MetadataDatabaseError, openMetadataDatabase, type MetadataDatabase } from "./database";
export { createGossip, nodeTransport, type AntiEntropyReport, type Gossip, type GossipMetrics, type GossipOptions, type RoundReport } from "./gossip";
export { FIRST_CURSOR, pullManifests, type ManifestPull } from "./manifests";
export { Membership, type Contact, type Member, type MembershipOptions, type PeerRole } from "./membership";
export { mergeRecords, type Merged, type MergeOutcome } from "./merge";
export {
  ANTI_ENTROPY_PATH, antiEntropyMessageSchema, antiEntropyReplySchema, GOSSIP_PATH, gossipMessageSchema, gossipReplySchema, MAX_MESSAGE_BYTES,
  type AntiEntropyMessage, type AntiEntropyReply, type GossipMessage, type GossipReply,
} from "./messages";
export { compareStamps, compareWrites, nextTime } from "./order";
export { MessageRefused } from "./peering";
export type { ChangePage, Endpoint, MetadataLog, MetadataStore, MetadataTransport, NameHash } from "./ports";
export { openRecordStore, type RecordStoreOptions } from "./recordStore";
