/** The image table: which local program stands for an image. To run another image in the local cloud, add it here. */
import { existsSync } from "node:fs";
import * as path from "node:path";
import { ServiceError } from "../model";

/** What an image sees of the container that is made from it. */
export interface ImageContext {
  /** Folder with the bundled workloads: `<bundlesDir>/<workload>/entry/<program>.js`. */
  readonly bundlesDir: string;
  /** The container's own folder: its working directory and its HOME. */
  readonly folder: string;
  readonly command: readonly string[] | undefined;
  /** Where each volume of the container really lies, by mount path. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Where each file that the deployment puts into the container really lies, by its path there. */
  readonly files: Readonly<Record<string, string>>;
}

/** How a container of an image is started. */
export interface Launch {
  /** The program and its arguments; never goes through a shell. */
  readonly argv: readonly [string, ...string[]];
  /** Files the image brings, by name in the container's folder; they appear there as links. */
  readonly files: Readonly<Record<string, string>>;
  /** Variables the image sets, as `ENV` does; those of the container win. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values are paths in the container: the program gets the real ones, whoever has set them. @default none */
  readonly pathVariables?: readonly string[];
}

/** One image. */
export interface Image {
  /** Repository without registry and tag, as `stackfleet/loadtest`. */
  readonly repository: string;
  launch(context: ImageContext): Launch;
}

/** An image of this project's own workloads: `ENTRYPOINT ["node"]`, `WORKDIR` with one bundled file a program. */
interface Workload {
  readonly repository: string;
  /** Folder below `workloads/`. */
  readonly name: string;
  readonly programs: readonly string[];
  /** Runs when the command doesn't name a program by its first word. */
  readonly defaultProgram: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly pathVariables?: readonly string[];
}

const WORKLOADS: readonly Workload[] = [
  { repository: "stackfleet/loadtest", name: "loadtest", programs: ["aggregator", "generator", "healthcheck"], defaultProgram: "generator" },
  {
    repository: "stackfleet/chunkstore", name: "chunkstore", programs: ["controller", "chunkserver", "chunks", "healthcheck"], defaultProgram: "controller",
    environment: {
      DATA_DIR: "/data", CLUSTER_KEY_FILE: "/run/secrets/cluster-key", ACCOUNTS_FILE: "/run/secrets/accounts",
      NODE_OPTIONS: "--max-semi-space-size=2", MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072",
    },
    pathVariables: ["DATA_DIR", "CLUSTER_KEY_FILE", "ACCOUNTS_FILE"],
  },
];

const IMAGES: readonly Image[] = WORKLOADS.map(bundledWorkload);

function bundledWorkload({ repository, name: workload, programs, defaultProgram, environment = {}, pathVariables = [] }: Workload): Image {
  return {
    repository,
    launch: ({ bundlesDir, command = [] }) => {
      const [program = defaultProgram, ...rest] = command;
      if (!programs.includes(program)) {
        throw new ServiceError("CannotStartContainerError", `image ${repository} has no such program; got command "${program}"; expected ${programs.join(", ")}; extend local/runtime/images.ts`);
      }
      const files = Object.fromEntries(programs.map((name) => [`${name}.js`, path.join(bundlesDir, workload, "entry", `${name}.js`)]));
      for (const file of Object.values(files)) {
        if (!existsSync(file)) throw new ServiceError("CannotPullContainerError", `image ${repository} is not built; got no file ${file}; run npm run build`);
      }
      return { argv: [process.execPath, `${program}.js`, ...rest], files, environment, pathVariables };
    },
  };
}

/** An image reference in its parts. The tag is kept for listings; the table has one version of each image, so it selects nothing. */
export interface ImageReference { readonly repository: string; readonly tag: string }

/** Splits `registry/repository:tag@digest`. The registry (a first part with a dot, a colon or `localhost`) is dropped. */
export function parseImage(reference: string): ImageReference {
  const [withoutDigest = ""] = reference.split("@");
  const parts = withoutDigest.split("/");
  if (parts.length > 1 && /[.:]|^localhost$/.test(parts[0] ?? "")) parts.shift();
  const [repository = "", tag = "latest"] = parts.join("/").split(":");
  return { repository, tag };
}

/**
 * Looks an image up in the table.
 * @throws ServiceError `CannotPullContainerError` for an image that the table doesn't have
 */
export function findImage(reference: string, images: readonly Image[] = IMAGES): Image {
  const { repository } = parseImage(reference);
  const found = images.find((image) => image.repository === repository);
  if (found !== undefined) return found;
  throw new ServiceError(
    "CannotPullContainerError",
    `image "${reference}" is not in the local cloud's image table; expected ${images.map((image) => image.repository).join(", ")}; extend local/runtime/images.ts`,
  );
}
