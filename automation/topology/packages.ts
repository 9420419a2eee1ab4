/** Which packages the files of a fleet get: one Pulumi SDK a process, wherever those files lie and whatever is installed there. */
import * as nodeModule from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

/** Folder of this package, and its entry, compiled or not. */
const ROOT = path.resolve(__dirname, "..", "..");
const ENTRY = path.join(ROOT, `index${path.extname(__filename)}`);
const fromHere = nodeModule.createRequire(ENTRY);

/**
 * Hooks into module resolution, for the life of this process:
 * - `stackfleet` is this very package;
 * - `@pulumi/pulumi` is this package's copy: the updates run on it, and a resource of a second copy is refused by the first;
 * - the other `@pulumi` packages are those installed beside the importing file, and this package's where there are none.
 */
export function sharePackages(): void {
  nodeModule.registerHooks({
    resolve: (specifier, context, nextResolve) => {
      if (specifier === "stackfleet") return { url: pathToFileURL(ENTRY).href, format: "commonjs", shortCircuit: true };
      if (!specifier.startsWith("@pulumi/") || isOwn(context.parentURL)) return nextResolve(specifier, context);
      if (/^@pulumi\/pulumi(\/|$)/.test(specifier)) return ownPackage(specifier);
      try {
        return nextResolve(specifier, context);
      } catch (error) {
        try {
          return ownPackage(specifier);
        } catch {
          throw error; // the place that lacks it is the importing file's
        }
      }
    },
  });
}

/** Asked on behalf of this package, the resolution goes its usual way; so `ownPackage` doesn't come back here. */
function isOwn(parentURL: string | undefined): boolean {
  return parentURL === undefined || parentURL === pathToFileURL(ENTRY).href;
}

function ownPackage(specifier: string): nodeModule.ResolveFnOutput {
  return { url: pathToFileURL(fromHere.resolve(specifier)).href, shortCircuit: true };
}
