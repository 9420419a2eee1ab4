/** The tasks that a scheduler knows, running and stopped, oldest first. */
import type { ContainerState } from "../../runtime/port";
import { adoptedTask, LABEL } from "./task";
import type { Task } from "./task";

/** Stopped tasks of a service that stay describable. Source: ECS API, DescribeTasks, keeps them for an hour; here by number. */
const STOPPED_KEPT = 50;

export class TaskTable {
  readonly #tasks = new Map<string, Task>();

  list(where: { serviceArn?: string; clusterArn?: string } = {}): Task[] {
    return [...this.#tasks.values()].filter(
      (task) =>
        (where.serviceArn === undefined || task.serviceArn === where.serviceArn) &&
        (where.clusterArn === undefined || task.clusterArn === where.clusterArn),
    );
  }

  /** By ARN or id. */
  get(arnOrId: string): Task | undefined {
    return this.#tasks.get(arnOrId.split("/").at(-1) ?? arnOrId);
  }

  /** The tasks of a service that should run. */
  live(serviceArn: string): Task[] {
    return this.list({ serviceArn }).filter((task) => task.desired === "RUNNING");
  }

  add(task: Task): void {
    this.#tasks.set(task.id, task);
  }

  /** Reads tasks back from containers that an earlier daemon left running. @returns the states of those that were unknown */
  adopt(states: readonly ContainerState[]): ContainerState[] {
    const byTask = Map.groupBy(states, (state) => state.spec.labels[LABEL.task] ?? "");
    return [...byTask].flatMap(([id, own]) => {
      const task = this.#tasks.has(id) ? undefined : adoptedTask(own);
      if (!task) return [];
      this.add(task);
      return own;
    });
  }

  /** Forgets the oldest stopped tasks of a service. */
  prune(serviceArn: string): void {
    const stopped = this.list({ serviceArn }).filter((task) => task.status === "STOPPED");
    for (const old of stopped.slice(0, -STOPPED_KEPT)) this.#tasks.delete(old.id);
  }

  /** Forgets every task of a service. */
  forget(serviceArn: string): void {
    for (const task of this.list({ serviceArn })) this.#tasks.delete(task.id);
  }
}
