/** Selectors, and what a selection lacks: dependencies of an `up`, live dependents of a `destroy`. */
import { inputError, type InputFault } from "../errors";
import { oneOf, suggestion } from "../topology/nearest";
import { nearestThrough, reachable, type Graph } from "./graph";

/**
 * The stacks that selectors name, together. No selector at all selects every stack.
 *
 * | selector | selects |
 * |---|---|
 * | `home` | the stack of that name |
 * | `eu-*`, `db-?` | stacks whose name matches: `*` any text, `?` one character |
 * | `tag:x` | stacks with a tag that matches |
 * | `+x` | and everything they depend on, through all steps |
 * | `x+` | and everything that depends on them, through all steps |
 * | `+x+` | both |
 *
 * @throws FleetError `config-invalid` with every selector that selects nothing
 */
export function select(graph: Graph, selectors: readonly string[]): Set<string> {
  if (selectors.length === 0) return new Set(graph.order);
  const faults: InputFault[] = [];
  const selected = new Set<string>();
  for (const selector of selectors) {
    const { base, withDependencies, withDependents } = parseSelector(selector);
    const named = matching(graph, base);
    if (named.length === 0) faults.push(unknownSelector(graph, selector, base));
    for (const name of named) selected.add(name);
    if (withDependencies) for (const name of reachable(named, graph.dependencies)) selected.add(name);
    if (withDependents) for (const name of reachable(named, graph.dependents)) selected.add(name);
  }
  if (faults.length > 0) throw inputError("selection", faults);
  return selected;
}

/** Pairs of a selected stack and one it depends on that is not selected. */
export function missingDependencies(graph: Graph, selection: ReadonlySet<string>): { readonly stack: string; readonly dependency: string }[] {
  return graph.order.filter((name) => selection.has(name)).flatMap((stack) =>
    graph.dependencies(stack).filter((dependency) => !selection.has(dependency)).map((dependency) => ({ stack, dependency })));
}

/**
 * Pairs of a selected stack and one that depends on it, is up, and is not selected. A dependent counts also when it depends through
 * stacks that are not up themselves.
 * @param live names of the stacks that are up
 */
export function liveDependents(graph: Graph, selection: ReadonlySet<string>, live: ReadonlySet<string>): { readonly stack: string; readonly dependent: string }[] {
  const stop = new Set([...live, ...selection]);
  return graph.order.filter((name) => selection.has(name)).flatMap((stack) =>
    [...nearestThrough(stack, graph.dependents, stop)].filter((dependent) => !selection.has(dependent)).sort().map((dependent) => ({ stack, dependent })));
}

interface Selector { readonly base: string; readonly withDependencies: boolean; readonly withDependents: boolean }

/** `+` is no character of stack names and tags, so it always means dependencies. */
function parseSelector(selector: string): Selector {
  const withDependencies = selector.startsWith("+");
  const withDependents = selector.length > 1 && selector.endsWith("+");
  return { base: selector.slice(withDependencies ? 1 : 0, withDependents ? -1 : undefined), withDependencies, withDependents };
}

function matching(graph: Graph, base: string): string[] {
  const tag = tagOf(base);
  const matches = glob(tag ?? base);
  return graph.order.filter((name) => (tag === undefined ? matches.test(name) : tagsOf(graph, name).some((own) => matches.test(own))));
}

function tagOf(base: string): string | undefined {
  return base.startsWith("tag:") ? base.slice("tag:".length) : undefined;
}

function tagsOf(graph: Graph, name: string): readonly string[] {
  return graph.stack(name)?.tags ?? [];
}

function glob(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*+/g, "*").replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}

function unknownSelector(graph: Graph, selector: string, base: string): InputFault {
  const tags = [...new Set(graph.order.flatMap((name) => tagsOf(graph, name)))].sort();
  const byTag = tagOf(base) !== undefined;
  const known = byTag ? tags.map((tag) => `tag:${tag}`) : [...graph.order].sort();
  const problem = /[*?]/.test(base) ? "pattern that matches nothing" : byTag ? "unknown tag" : "unknown stack";
  return { path: "selector", problem, got: selector, expected: oneOf(known), fix: suggestion(base, known, "`stackfleet graph` lists the stacks") };
}
