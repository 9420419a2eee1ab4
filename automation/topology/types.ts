/** The declared data of a fleet: what `defineFleet` takes and what the rest of the driver gets. */

/** Plain stack configuration, or a reference to an environment variable whose value is a secret. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };
export interface SecretFromEnvironment {
  /** Name of the variable. */
  readonly secretFromEnv: string;
  /**
   * In the local target, and while the variable isn't set: a random value of 43 characters, made at the first use, kept under
   * `.stackfleet/local/secrets` and gone with `stackfleet reset`. The cloud target always needs the variable. @default false
   */
  readonly generateLocally?: boolean;
}

/** A Pulumi program as a function: returns the stack's outputs. Runs in the program host, never in the driver. */
export type InlineProgram = () => Promise<Record<string, unknown> | void> | Record<string, unknown> | void;

/** A part of a stack that `--only` runs alone. */
export interface StackPart {
  /** Type token of the component resource that is the part, as `stackfleet:aerospike:ManagedCluster`. */
  readonly component: string;
  /** Type tokens of the component resources it is a child of. @default [] */
  readonly under?: readonly string[];
}

/** One stack as users write it. */
export interface StackDeclaration {
  /**
   * What to run: the name of a shipped program (`constellation-home`), a path to a module that exports `program` or a
   * default function (`./stacks/mine.ts`, relative to the config file), or the function itself.
   */
  readonly program: string | InlineProgram;
  /** Names of stacks that must be up before this one. @default [] */
  readonly dependsOn?: readonly string[];
  /** Region code; becomes `aws:region` of the stack. */
  readonly region?: string;
  /** For selection by `tag:x`. @default [] */
  readonly tags?: readonly string[];
  /** Stack configuration; keys without a namespace belong to the project. @default {} */
  readonly config?: Readonly<Record<string, ConfigValue | SecretFromEnvironment>>;
  /** Parts that `--only` runs alone, by name. @default those of the shipped program */
  readonly parts?: Readonly<Record<string, StackPart>>;
}

/** A fleet as users write it. */
export interface FleetDeclaration {
  /** Pulumi project name. @default the `name` in a Pulumi.yaml beside the config file, else `stackfleet` */
  readonly project?: string;
  readonly stacks: Readonly<Record<string, StackDeclaration>>;
  /** Pulumi backend URL of the cloud target. @default a `file://` backend under `.stackfleet/cloud/state` */
  readonly backend?: string;
  /** Policy pack folders that `stackfleet preview` runs, relative to the config file. @default ["policy"] when that folder exists */
  readonly policyPacks?: readonly string[];
}

/** One stack after validation, defaults applied; names of `dependsOn` are known to exist. */
export interface StackNode {
  readonly name: string;
  readonly program: string | InlineProgram;
  readonly dependsOn: readonly string[];
  readonly region?: string;
  readonly tags: readonly string[];
  readonly config: Readonly<Record<string, ConfigValue | SecretFromEnvironment>>;
  readonly parts?: Readonly<Record<string, StackPart>>;
}

/** A validated fleet: dependencies exist, no cycle. Stacks sorted by name. */
export interface Topology {
  readonly project: string;
  /** Absolute path of the file it was read from. */
  readonly configFile: string;
  readonly backend?: string;
  /** Absolute paths. */
  readonly policyPacks: readonly string[];
  readonly stacks: readonly StackNode[];
}
