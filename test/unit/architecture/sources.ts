/** Reads the project's own sources: which modules they import, and what the rules about their text need. */
import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import ts from "typescript";

export const root = path.resolve(__dirname, "..", "..", "..");

/** Folders of typed sources. */
const FOLDERS = ["automation", "bench", "components", "drills", "examples", "local", "policy", "providers", "scripts", "stacks", "test", "workloads"];

export interface Source {
  /** Path from the project's root, with `/`. */
  readonly file: string;
  readonly text: string;
}

function isOwn(file: string): boolean {
  return !/(^|\/)(node_modules|dist|\.stackfleet)\//.test(file);
}

function read(files: readonly string[]): readonly Source[] {
  return files.filter(isOwn).sort().map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));
}

/** Every TypeScript file, tests included. */
export function typedSources(): readonly Source[] {
  return read(globSync([...FOLDERS.map((folder) => `${folder}/**/*.{ts,mts}`), "*.{ts,mts}"], { cwd: root }));
}

/** Every text file that is written by hand. */
export function writtenFiles(): readonly Source[] {
  const folders = [...FOLDERS, "bin", "docs", "tools", ".ci"].map((folder) => `${folder}/**/*`);
  const names = globSync([...folders, "*.{ts,mts,json,yaml,yml,md}"], { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile());
  return read(names.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))).filter((file) => !/\.(png|svg|ico|gz|sum|lock)$/.test(file)));
}

/** One import of another module. `path`: from the project's root, without extension, when the module is the project's own. */
export interface Import { readonly file: string; readonly specifier: string; readonly path: string | undefined }

/** All imports of a source: static, type-only, dynamic and by `require`. */
export function importsOf({ file, text }: Source): readonly Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    const own = fileName.startsWith(".") ? path.posix.join(path.posix.dirname(file), fileName) : fileName.startsWith("#dist/") ? fileName.slice("#dist/".length) : undefined;
    return { file, specifier: fileName, path: own?.replace(/\.(js|ts)$/, "") };
  });
}

/** Lines of a source that say `any`, or assert that something is not null. */
export function looseTypes({ file, text }: Source): readonly string[] {
  if (!/\bany\b|!/.test(text)) return [];
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const what = node.kind === ts.SyntaxKind.AnyKeyword ? "any" : ts.isNonNullExpression(node) ? "non-null assertion" : undefined;
    if (what) found.push(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}: ${what}`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}
