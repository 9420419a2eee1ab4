/** Chooses what shows a run. The live table's libraries are loaded only when it is chosen. */
import { JsonRenderer } from "./json";
import { PlainRenderer } from "./plain";
import { systemClock, type RenderClock, type Renderer, type Terminal } from "./renderer";

export { guarded, systemClock, type RenderClock, type Renderer, type Terminal, type TextSink } from "./renderer";

export const OUTPUTS = ["tty", "plain", "json"] as const;
export type Output = (typeof OUTPUTS)[number];

export interface RendererOptions {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: NodeJS.ProcessEnv;
  /** @default real time */
  readonly clock?: RenderClock;
}

/** `tty` when stdout is a terminal that can be written over and nobody says CI, else `plain`. */
export function defaultOutput(stdout: Terminal, env: NodeJS.ProcessEnv): Output {
  return stdout.isTTY === true && !isSet(env["CI"]) && env["TERM"] !== "dumb" ? "tty" : "plain";
}

/** Progress goes to stderr, the result to stdout; the live table moves to stdout when stderr is no terminal. */
export async function createRenderer(output: Output, options: RendererOptions): Promise<Renderer> {
  const { stdout, stderr, env } = options;
  switch (output) {
    case "json": return new JsonRenderer(stdout);
    case "plain": return new PlainRenderer({ progress: stderr, result: stdout });
    case "tty": {
      const { TtyRenderer } = await import("./tty.js");
      const live = stderr.isTTY === true ? stderr : stdout;
      return new TtyRenderer({ live, result: stdout, clock: options.clock ?? systemClock, ...terminalStyle(stdout, env) });
    }
  }
}

/** Colours unless NO_COLOR says otherwise (https://no-color.org) or there is no terminal; ASCII on the Linux console. */
export function terminalStyle(stream: Terminal, env: NodeJS.ProcessEnv): { readonly colours: boolean; readonly unicode: boolean } {
  const colours = !env["NO_COLOR"] && stream.isTTY === true && env["TERM"] !== "dumb";
  return { colours, unicode: env["TERM"] !== "linux" };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false" && value !== "0";
}
