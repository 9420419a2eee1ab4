/** Finds what a mistyped name was probably meant to be. */
import { closest, distance } from "fastest-levenshtein";

/** Edits that still look like a slip: two, or a third of the name where that is more. */
const SLIP_EDITS = 2;
const SLIP_SHARE = 1 / 3;

/**
 * The candidate nearest to `name` by edit distance, case ignored; `undefined` when none is near enough to be a slip.
 * Of equally near ones the first.
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const lower = name.toLowerCase();
  const found = closest(lower, candidates.map((candidate) => candidate.toLowerCase()));
  if (distance(lower, found) > Math.max(SLIP_EDITS, Math.floor(name.length * SLIP_SHARE))) return undefined;
  return candidates.find((candidate) => candidate.toLowerCase() === found);
}

/** `did you mean home?`, or `otherwise` when nothing is near. */
export function suggestion(name: string, candidates: readonly string[], otherwise: string): string {
  const near = nearest(name, candidates);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

/** `one of a, b, c`, cut after `limit` names (default 10) so that an error stays one readable line. */
export function oneOf(names: readonly string[], limit = 10): string {
  if (names.length === 0) return "none, as there is none";
  const shown = names.slice(0, limit).join(", ");
  return names.length > limit ? `one of ${shown} and ${names.length - limit} more` : names.length === 1 ? shown : `one of ${shown}`;
}
