/** The DAG of a fleet: build, select, reverse, render. */
export { buildGraph, reachable, reverse, subgraph, type Graph, type GraphStack } from "./graph";
export { GRAPH_FORMATS, graphData, renderGraph, type GraphData, type GraphFormat } from "./render";
export { liveDependents, missingDependencies, select } from "./select";
