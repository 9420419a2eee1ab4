/** A prepared target: backend, project folder, environment of the CLI, and for `local` the running local cloud. */
import * as path from "node:path";
import { ensurePassphraseFile, readPassphrase, sharedSalt } from "../backend/secrets";
import { initFileBackend, initStack, writeProject, writeStackSettings } from "../backend/project";
import { FleetError } from "../errors";
import type { Layout, Target } from "../layout";
import type { Toolchain } from "../toolchain";
import { LOCAL_SECRETS_VARIABLE } from "../topology/local-secret";
import type { Topology } from "../topology/types";

/** What is left to know once the target is chosen. */
export interface TargetContext {
  readonly target: Target;
  readonly projectDir: string;
  /** Folder of the `file://` backend; undefined when another backend is configured. */
  readonly stateDir: string | undefined;
  readonly backendUrl: string;
  /** Variables that a by-hand `pulumi` needs, as `stackfleet env` prints them. */
  readonly exports: Readonly<Record<string, string>>;
}

/** Files of the package that by-hand runs and the program host load; `dist/` at run time. */
export const COMPILED_ROOT = path.resolve(__dirname, "..", "..");

/** Providers that come with this package; their executables are not compiled. */
const PROVIDERS = { aerospikecloud: path.join(COMPILED_ROOT, "..", "providers", "aerospike-cloud", "bin") } as const;

/** The `node_modules` that this package runs on; the SDK may be installed beside it or above. */
function installedPackages(): string {
  return path.resolve(path.dirname(require.resolve("@pulumi/pulumi/package.json")), "..", "..");
}

/** Backend of a target: the local cloud's state never mixes with the cloud's. */
export function backendOf(layout: Layout, target: Target, topology: Pick<Topology, "backend">, env: NodeJS.ProcessEnv): { url: string; stateDir: string | undefined } {
  const configured = target === "cloud" ? topology.backend ?? env["PULUMI_BACKEND_URL"] : undefined;
  const fileUrl = /^file:\/\/(.+)$/.exec(configured ?? "");
  if (fileUrl?.[1] !== undefined) {
    const dir = fileUrl[1].startsWith("~") ? path.join(env["HOME"] ?? "~", fileUrl[1].slice(1)) : path.resolve(layout.root, fileUrl[1]);
    return { url: `file://${dir}`, stateDir: dir };
  }
  if (configured !== undefined) return { url: configured, stateDir: undefined };
  const stateDir = layout.target(target).state;
  return { url: `file://${stateDir}`, stateDir };
}

/**
 * Writes what Pulumi needs on disk for every stack of the fleet and returns the environment.
 * @param attach variables that attach the local cloud; empty for the cloud target
 * @throws FleetError `passphrase-missing` in the cloud target with a passphrase backend and no passphrase
 */
export function prepareTarget(options: {
  readonly layout: Layout; readonly target: Target; readonly topology: Topology; readonly toolchain: Toolchain;
  readonly attach: Readonly<Record<string, string>>; readonly env: NodeJS.ProcessEnv;
}): TargetContext {
  const { layout, target, topology, env } = options;
  const { project: projectDir, pulumiHome, secrets: secretsDir } = layout.target(target);
  const backend = backendOf(layout, target, topology, env);
  const secrets = passphraseOf(layout, target, env, backend.stateDir !== undefined);
  writeProject({ projectDir, packages: installedPackages(), project: topology.project, entry: path.join(COMPILED_ROOT, "stacks", "index.js"), configFile: topology.configFile, providers: PROVIDERS });
  const salt = secrets && sharedSalt(projectDir, secrets.read);
  for (const stack of topology.stacks) writeStackSettings(projectDir, topology.project, stack, salt);
  if (backend.stateDir !== undefined) {
    initFileBackend(backend.stateDir);
    for (const stack of topology.stacks) initStack(backend.stateDir, topology.project, stack.name);
  }
  return {
    target, projectDir, stateDir: backend.stateDir, backendUrl: backend.url,
    exports: {
      PATH: [options.toolchain.binDir, path.dirname(process.execPath), env["PATH"] ?? ""].join(path.delimiter),
      PULUMI_BACKEND_URL: backend.url,
      ...secrets?.exports,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      ...(target === "local" && { PULUMI_HOME: pulumiHome, PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", [LOCAL_SECRETS_VARIABLE]: secretsDir }),
      STACKFLEET_CONFIG: topology.configFile,
      STACKFLEET_TARGET: target,
      ...options.attach,
    },
  };
}

interface Passphrase { readonly exports: Record<string, string>; read(): string }

function passphraseOf(layout: Layout, target: Target, env: NodeJS.ProcessEnv, fileBackend: boolean): Passphrase | undefined {
  if (target === "local") {
    const file = ensurePassphraseFile(layout.home);
    return { exports: { PULUMI_CONFIG_PASSPHRASE_FILE: file }, read: () => readPassphrase(file) };
  }
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  const value = env["PULUMI_CONFIG_PASSPHRASE"];
  if (value !== undefined) return { exports: { PULUMI_CONFIG_PASSPHRASE: value }, read: () => value };
  if (file !== undefined) return { exports: { PULUMI_CONFIG_PASSPHRASE_FILE: path.resolve(file) }, read: () => readPassphrase(file) };
  if (!fileBackend) return undefined; // a managed backend brings its own secrets provider
  throw new FleetError("passphrase-missing", "no passphrase for the cloud target's secrets; got neither PULUMI_CONFIG_PASSPHRASE nor PULUMI_CONFIG_PASSPHRASE_FILE", {
    source: "user", fix: "export one of them: secrets in the state are encrypted with it, and it is needed again at every run",
  });
}

/** Variables of the driver's own environment that a CLI process of the local target must not inherit. */
const LOCAL_STRIPPED = /^(AWS_|PULUMI_|AEROSPIKE_CLOUD_|DOCKER_)/;

/** The complete environment of a CLI process. */
export function cliEnvironment(context: TargetContext, env: NodeJS.ProcessEnv): Record<string, string> {
  const inherited = Object.entries(env).filter((entry): entry is [string, string] =>
    entry[1] !== undefined && !(context.target === "local" && LOCAL_STRIPPED.test(entry[0])));
  return { ...Object.fromEntries(inherited), ...context.exports };
}
