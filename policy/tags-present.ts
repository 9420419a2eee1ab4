/** Policy: every taggable resource carries the tags of the fleet. */
import { TAG_KEYS } from "../components/tags/keys";
import { TAGGABLE_TYPES } from "../components/tags/taggable";
import { urnHash } from "../components/tags/urn-hash";
import { isObject, type Rule, violation } from "./rule";

export const tagsPresent: Rule = {
  name: "tags-present",
  description: "Every taggable AWS resource says which project and stack own it, and carries its URN's hash, by which recovery finds it.",
  check({ type, urn, props }) {
    if (!TAGGABLE_TYPES.has(type)) return [];
    const tags = isObject(props["tags"]) ? props["tags"] : {};
    const owners = [TAG_KEYS.project, TAG_KEYS.stack].flatMap((key) => (typeof tags[key] === "string" && tags[key] !== "" ? [] : [missing(key, tags[key], "the owner's name")]));
    const expected = urnHash(urn);
    return tags[TAG_KEYS.urnHash] === expected ? owners : [...owners, missing(TAG_KEYS.urnHash, tags[TAG_KEYS.urnHash], expected)];
  },
};

function missing(key: string, got: unknown, expected: string): string {
  return violation(`tags["${key}"]`, got === undefined ? "missing" : "wrong", got, expected, "run the program through stackfleet, which sets it, and don't override it");
}
