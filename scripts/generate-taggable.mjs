// Writes components/tags/taggable.ts: the resource types of the installed @pulumi/aws that carry tags.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";

const root = path.join(import.meta.dirname, "..");
const sdk = path.join(root, "node_modules", "@pulumi", "aws");
const target = path.join(root, "components", "tags", "taggable.ts");
const WIDTH = 140;

/** Type tokens by module. Reads the classes' text: loading all of them takes seconds and hundreds of megabytes. */
export function taggableTypes() {
  const modules = {};
  for (const file of globSync("**/*.js", { cwd: sdk, exclude: (name) => name === "node_modules" })) {
    const source = readFileSync(path.join(sdk, file), "utf8");
    if (!source.includes('["tagsAll"] = undefined')) continue;
    const [, module, member, name] = /__pulumiType = 'aws:([^/]+)\/([^:]+):([^']+)'/.exec(source) ?? [];
    if (member !== `${name?.[0]?.toLowerCase()}${name?.slice(1)}`) throw new Error(`${file}: its type token is not of the form aws:<module>/<name>:<Name>`);
    (modules[module] ??= []).push(name);
  }
  return modules;
}

export function render(modules) {
  const { version } = JSON.parse(readFileSync(path.join(sdk, "package.json"), "utf8"));
  const lines = Object.keys(modules).sort().flatMap((module) => wrap(`${module}: `, modules[module].sort().join(" ")));
  return [
    `/** The resource types of @pulumi/aws ${version} that carry tags, by module. Written by scripts/generate-taggable.mjs; don't edit. */`,
    "const TYPES_BY_MODULE: Readonly<Record<string, string>> = {", ...lines, "};", "",
    "function token(module: string, name: string): string {",
    "  return `aws:${module}/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`;",
    "}", "",
    "/** Type tokens (`aws:ec2/vpc:Vpc`) of the resources that have the properties `tags` and `tagsAll`. */",
    "export const TAGGABLE_TYPES: ReadonlySet<string> = new Set(",
    "  Object.entries(TYPES_BY_MODULE).flatMap(([module, names]) => names.split(\" \").map((name) => token(module, name))),",
    ");", "",
  ].join("\n");
}

/** One entry; names that don't fit on a line go on in the next one. */
function wrap(key, text) {
  const parts = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.length + word.length > WIDTH - 20) { parts.push(`${line} `); line = word; } else line = line === "" ? word : `${line} ${word}`;
  }
  parts.push(line);
  const quoted = parts.map((part) => JSON.stringify(part));
  return [`  ${key}${quoted.join("\n    + ")},`];
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(target, render(taggableTypes()));
  process.stdout.write(`${path.relative(root, target)} written\n`);
}
