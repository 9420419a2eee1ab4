/**
 * Property values between Pulumi's wire form (a protobuf `Struct` with signed objects) and the plain values that models see.
 * What plain values can't say, unknowns and secrets, is kept beside them as paths.
 */
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Archive, Asset, Properties, PropertyValue } from "./values";

// Source of every constant: Pulumi SDK, sdk/go/common/resource/{properties,plugin/rpc,sig}.go.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** Stands for any value that is not known during a preview (of a bool, a number, a string, an array, an asset, an object…). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWNS: ReadonlySet<unknown> = new Set([
  UNKNOWN, "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "3eeb2bf0-c639-47a8-9e75-3b44932eb421", "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58", "e48ece36-62e2-4504-bad9-02848725956a", "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
/** The bridge's note of the properties that it filled in by itself; no argument of any resource. */
export const DEFAULTS_KEY = "__defaults";

/** The wire form as plain JSON. */
export type WireValue = null | boolean | number | string | WireValue[] | WireProperties;
export type WireProperties = { [key: string]: WireValue };
export type Path = readonly (string | number)[];

export interface Unmarshalled {
  /** No secrets, no nulls in objects; unknowns are left out. */
  readonly properties: Properties;
  readonly secrets: readonly Path[];
  readonly unknowns: readonly Path[];
}

export function wireOf(struct: Struct | undefined): WireProperties {
  return (struct?.toJavaScript() ?? {}) as WireProperties;
}

export function structOf(wire: WireProperties): Struct {
  return Struct.fromJavaScript(wire);
}

/** @param keepUnknowns puts {@link UNKNOWN} where a value is not known, for comparisons @default false */
export function unmarshal(wire: WireProperties, keepUnknowns = false): Unmarshalled {
  const secrets: Path[] = [];
  const unknowns: Path[] = [];

  const value = (raw: WireValue, path: Path): PropertyValue | undefined => {
    if (UNKNOWNS.has(raw)) {
      unknowns.push(path);
      return keepUnknowns ? UNKNOWN : undefined;
    }
    if (typeof raw !== "object" || raw === null) return raw;
    if (Array.isArray(raw)) return raw.map((item, index) => value(item, [...path, index])).filter((item) => item !== undefined);
    const signature = raw[SIGNATURE];
    return typeof signature === "string" ? signed(signature, raw, path) : object(raw, path);
  };
  const object = (raw: WireProperties, path: Path): Properties => {
    const result: Properties = {};
    for (const [key, item] of Object.entries(raw)) {
      if (key === DEFAULTS_KEY) continue;
      const plain = value(item, [...path, key]);
      if (plain !== undefined && plain !== null) result[key] = plain;
    }
    return result;
  };
  const signed = (signature: string, raw: WireProperties, path: Path): PropertyValue | undefined => {
    switch (signature) {
      case SECRET:
        secrets.push(path);
        return value(raw["value"] ?? null, path);
      case OUTPUT_VALUE:
        if (raw["secret"] === true) secrets.push(path);
        return value(raw["value"] ?? UNKNOWN, path);
      case RESOURCE_REFERENCE:
        return value(raw["id"] ?? raw["urn"] ?? null, path);
      case ASSET:
        return assetOf(raw);
      case ARCHIVE:
        return archiveOf(raw);
      default:
        throw new Error(`${pathText(path)}: unknown kind of property value; got signature ${signature}`);
    }
  };
  return { properties: object(wire, []), secrets, unknowns };
}

/** The wire form, with every path in `secrets` (or its nearest ancestor that is still there) marked as a secret again. */
export function marshal(properties: Properties, secrets: readonly Path[] = []): WireProperties {
  const present = secrets.map((path) => nearest(properties, path));
  const value = (plain: PropertyValue, path: Path, within: readonly Path[]): WireValue => {
    const inner = within.filter((secret) => secret.length > path.length);
    const wire = contents(plain, path, inner);
    return within.some((secret) => secret.length === path.length) ? { [SIGNATURE]: SECRET, value: wire } : wire;
  };
  const contents = (plain: PropertyValue, path: Path, within: readonly Path[]): WireValue => {
    const child = (key: string | number) => within.filter((secret) => secret[path.length] === key);
    if (Array.isArray(plain)) return plain.map((item, index) => value(item, [...path, index], child(index)));
    if (typeof plain !== "object" || plain === null) return plain;
    if (isAsset(plain)) return assetWire(plain);
    if (isArchive(plain)) return archiveWire(plain);
    // Assets are told apart above; what is left is a map of values.
    const entries = Object.entries(plain as Properties).filter(([, item]) => item !== undefined && item !== null);
    return Object.fromEntries(entries.map(([key, item]) => [key, value(item, [...path, key], child(key))]));
  };
  return contents(properties, [], present.filter((path) => path.length > 0)) as WireProperties;
}

/** Takes every secret string of at least four characters out of a text (shorter ones would blank out half the text). */
export function redactor({ properties, secrets }: Unmarshalled): (text: string) => string {
  // As they are, and as JSON has them in a message.
  const values = secrets.flatMap((path) => strings(at(properties, path))).filter((text) => text.length >= 4).flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
  return (text) => values.reduce((shown, secret) => shown.replaceAll(secret, "[secret]"), text);
}

/** Pulumi's text of a path: `ingress[0].cidrBlocks`, `tags["a.b"]`. */
export function pathText(path: Path): string {
  return path.map((step, index) => {
    if (typeof step === "number") return `[${step}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(step)) return `["${step.replaceAll('"', '\\"')}"]`;
    return index === 0 ? step : `.${step}`;
  }).join("");
}

export function isAsset(value: unknown): value is Asset {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "asset" && "hash" in value;
}

export function isArchive(value: unknown): value is Archive {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "archive" && "hash" in value;
}

function at(properties: Properties, path: Path): PropertyValue | undefined {
  return path.reduce<PropertyValue | undefined>((value, step) => (typeof value === "object" && value !== null ? (value as { [key: string | number]: PropertyValue })[step] : undefined), properties);
}

function nearest(properties: Properties, path: Path): Path {
  let length = path.length;
  while (length > 0 && at(properties, path.slice(0, length)) === undefined) length--;
  return path.slice(0, length);
}

function strings(value: PropertyValue | undefined): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

function text(value: WireValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function assetOf(raw: WireProperties): PropertyValue {
  const path = text(raw["path"]);
  refuseUri(raw);
  return { kind: "asset", hash: text(raw["hash"]) ?? "", ...(path === undefined ? { text: text(raw["text"]) ?? "" } : { path }) };
}

function archiveOf(raw: WireProperties): PropertyValue {
  const path = text(raw["path"]);
  const members = raw["assets"];
  refuseUri(raw);
  if (path !== undefined || typeof members !== "object" || members === null || Array.isArray(members)) {
    return { kind: "archive", hash: text(raw["hash"]) ?? "", ...(path !== undefined && { path }) };
  }
  const assets = Object.entries(members).map(([name, member]) => {
    const wire = (member ?? {}) as WireProperties;
    return [name, wire[SIGNATURE] === ARCHIVE ? archiveOf(wire) : assetOf(wire)] as const;
  });
  return { kind: "archive", hash: text(raw["hash"]) ?? "", assets: Object.fromEntries(assets) };
}

function refuseUri(raw: WireProperties): void {
  const uri = text(raw["uri"]);
  if (uri !== undefined) throw new Error(`remote assets are not supported here; got ${uri}; expected a file or a text`);
}

function assetWire(asset: Asset): WireProperties {
  return { [SIGNATURE]: ASSET, hash: asset.hash, ...(asset.path === undefined ? { text: asset.text ?? "" } : { path: asset.path }) };
}

function archiveWire(archive: Archive): WireProperties {
  const members = Object.entries(archive.assets ?? {}).map(([name, member]): [string, WireValue] => [name, member.kind === "asset" ? assetWire(member) : archiveWire(member)]);
  return { [SIGNATURE]: ARCHIVE, hash: archive.hash, ...(archive.path !== undefined && { path: archive.path }), ...(archive.assets && { assets: Object.fromEntries(members) }) };
}
