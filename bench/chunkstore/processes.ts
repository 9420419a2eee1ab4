/** The benchmark's own child processes. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { figuresOf, type ProcessFigures } from "./cluster";
import type { Job, JobResult, WorkerMessage } from "./jobs";

/** Does jobs in a process of its own, so that its CPU and memory are known. */
export class Worker {
  private readonly child: ChildProcess = fork(path.join(__dirname, "worker.js"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });

  async run(job: Job): Promise<JobResult> {
    const answered = new AbortController();
    const ended = once(this.child, "exit", { signal: answered.signal }).then(([code]) => Promise.reject(new Error(`the worker ended with ${String(code)}`)));
    ended.catch(() => undefined); // raced below; after the answer it is of no interest
    try {
      this.child.send(job);
      const [message] = (await Promise.race([once(this.child, "message"), ended])) as [WorkerMessage];
      if ("failed" in message) throw new Error(`${job.kind}: ${message.failed}`);
      return message.ok;
    } finally {
      answered.abort();
    }
  }

  figures(): ProcessFigures {
    return figuresOf(this.child.pid);
  }

  close(): void {
    this.child.kill();
  }
}

/** Clients and copies apart: each has its own figures. */
export interface Workers { readonly clients: Worker; readonly copies: Worker }

/** @returns the server's address and what ends it */
export async function startStaticServer(folder: string): Promise<{ readonly url: string; readonly close: () => void }> {
  const child = fork(path.join(__dirname, "static-server.js"), [folder], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [port] = (await once(child, "message")) as [number];
  return { url: `http://127.0.0.1:${port}`, close: () => void child.kill() };
}
