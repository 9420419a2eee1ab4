/** The graph as text for a terminal, as a Mermaid diagram, and as JSON. */
import { byName, type Graph } from "./graph";

export const GRAPH_FORMATS = ["text", "mermaid", "json"] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** Dependencies that a line of the text form names; the others are counted. */
const NAMED_DEPENDENCIES = 4;

/** What `json` prints. */
export interface GraphData {
  readonly stacks: readonly { readonly name: string; readonly level: number; readonly region?: string; readonly tags: readonly string[]; readonly dependsOn: readonly string[] }[];
  /** Names by level; those of one level can run at once. */
  readonly levels: readonly (readonly string[])[];
}

/**
 * Renders a graph, ending with a line break.
 *
 * `text` has one line a stack, grouped by level (all stacks of a level can run at once); an arrow points to what a stack waits for.
 */
export function renderGraph(graph: Graph, format: GraphFormat): string {
  switch (format) {
    case "text": return renderText(graph);
    case "mermaid": return renderMermaid(graph);
    case "json": return `${JSON.stringify(graphData(graph), undefined, 2)}\n`;
  }
}

/** The graph as plain data. */
export function graphData(graph: Graph): GraphData {
  const stacks = graph.levels.flatMap((names, level) => names.map((name) => {
    const { region, tags = [] } = graph.stack(name) ?? {};
    return { name, level, ...(region !== undefined && { region }), tags, dependsOn: graph.dependencies(name) };
  }));
  return { stacks: stacks.sort((a, b) => byName(a.name, b.name)), levels: graph.levels };
}

function renderText(graph: Graph): string {
  if (graph.order.length === 0) return "no stacks\n";
  const nameWidth = longest(graph.order);
  const regionWidth = longest(graph.order.map((name) => graph.stack(name)?.region ?? ""));
  const head = `${counted(graph.order.length, "stack")} in ${counted(graph.levels.length, "level")}; an arrow points to what a stack waits for`;
  const levels = graph.levels.map((names, level) => [
    `level ${level + 1} (${names.length})`,
    ...names.map((name) => `  ${name.padEnd(nameWidth)}  ${(graph.stack(name)?.region ?? "").padEnd(regionWidth)}  ${arrow(graph.dependencies(name))}`.trimEnd()),
  ].join("\n"));
  return `${[head, ...levels].join("\n\n")}\n`;
}

function arrow(dependencies: readonly string[]): string {
  if (dependencies.length === 0) return "";
  const more = dependencies.length - NAMED_DEPENDENCIES;
  return `→ ${dependencies.slice(0, NAMED_DEPENDENCIES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Node ids are numbers: stack names may hold characters that Mermaid reads as syntax. Arrows follow the order of an `up`. */
function renderMermaid(graph: Graph): string {
  const ids = new Map(graph.order.map((name, index) => [name, `s${index}`]));
  const nodes = graph.order.map((name) => {
    const region = graph.stack(name)?.region;
    return `  ${ids.get(name)}["${escape(name)}${region === undefined ? "" : `<br/>${escape(region)}`}"]`;
  });
  const edges = graph.order.flatMap((name) => graph.dependencies(name).map((dependency) => `  ${ids.get(dependency)} --> ${ids.get(name)}`));
  return `${["flowchart LR", ...nodes, ...edges].join("\n")}\n`;
}

function escape(text: string): string {
  return text.replaceAll("&", "#amp;").replaceAll('"', "#quot;").replaceAll("<", "#lt;").replaceAll(">", "#gt;");
}

function longest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
