/** The ECS service scheduler: starts, replaces, rolls and drains tasks so that each service has what it asks for. */
import { ServiceError } from "../../model";
import type { CloudContext, ResourceRecord } from "../../model";
import type { ContainerState } from "../../runtime/port";
import { numeric, object, text } from "../define";
import { ECS_SERVICE, findTaskDefinition } from "./shared";
import { newTask, startContainers } from "./launch";
import { LaunchRate } from "./launchRate";
import { rollout } from "./rollout";
import { healthOf, isReady, LABEL, launchSeconds, stopSeconds } from "./task";
import type { Task } from "./task";
import { ServiceMemory } from "./serviceMemory";
import type { ServiceEvent } from "./serviceMemory";
import { TaskTable } from "./taskTable";
import { waitFor } from "./waitFor";

/** The scheduler of one cloud. */
export class EcsController {
  readonly #cloud: CloudContext;
  readonly #tasks = new TaskTable();
  readonly #services = new Map<string, ServiceMemory>();
  readonly #rates = new Map<string, LaunchRate>();
  readonly #listeners = new Set<() => void>();
  readonly #draining = new Set<string>();
  readonly #unsubscribe: () => void;
  readonly #closed = new AbortController();

  constructor(cloud: CloudContext) {
    this.#cloud = cloud;
    this.#unsubscribe = cloud.runtime.onChange((state) => this.#containerChanged(state));
  }

  /** Every task that is known, stopped ones included, oldest first. */
  tasks(where: { serviceArn?: string; clusterArn?: string } = {}): Task[] {
    return this.#tasks.list(where);
  }

  /** A task by ARN or id. */
  task(arnOrId: string): Task | undefined {
    return this.#tasks.get(arnOrId);
  }

  /** Newest first. */
  events(serviceArn: string): readonly ServiceEvent[] {
    return this.#memory(serviceArn).events;
  }

  /** Takes over the containers that an earlier daemon left running. */
  adopt(serviceArn: string): void {
    for (const state of this.#tasks.adopt(this.#cloud.runtime.list({ [LABEL.serviceArn]: serviceArn }))) this.#containerChanged(state);
  }

  /** Looks at a service and does what is missing. Calls while one is under way are one more look afterwards. */
  reconcile(serviceArn: string): void {
    const memory = this.#memory(serviceArn);
    memory.wanted = true;
    memory.running ??= this.#work(serviceArn, memory);
  }

  /**
   * Resolves when the service is steady.
   * @throws {ServiceError} `DeploymentFailed` when its circuit breaker trips; rejects too when it is deleted or the signal aborts
   */
  steady(serviceArn: string, signal: AbortSignal): Promise<void> {
    const look = (): boolean => {
      const record = this.#service(serviceArn);
      if (!record) throw new Error(`service ${serviceArn} was deleted while it was waited for`);
      if (!this.#hasTripped(record)) return this.isSteady(record);
      throw new ServiceError("DeploymentFailed", `ECS deployment circuit breaker: tasks failed to start; ${this.lastStop(serviceArn) ?? ""}`);
    };
    const subscribe = (listener: () => void) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    };
    return waitFor(look, subscribe, signal);
  }

  /** As many ready tasks of the wanted revision as desired, and no other. */
  isSteady(record: ResourceRecord): boolean {
    const live = this.#tasks.live(record.arn ?? record.id);
    const wanted = this.#wanted(record);
    return (
      live.length === numeric(record.outputs["desiredCount"]) &&
      live.every((task) => task.definition === wanted && isReady(task, this.#cloud))
    );
  }

  /** Why the service's last task stopped, for errors. */
  lastStop(serviceArn: string): string | undefined {
    return this.tasks({ serviceArn })
      .filter((task) => task.stoppedReason !== undefined)
      .at(-1)?.stoppedReason;
  }

  /** Stops one task, as StopTask does; its service starts another. */
  async stopTask(task: Task, reason: string): Promise<void> {
    if (task.desired === "RUNNING") {
      task.desired = "STOPPED";
      task.stoppedReason = reason;
      task.abort.abort(new Error(reason));
      task.stopping = this.#end(task);
    }
    await task.stopping;
  }

  /** Stops every task of a service and forgets the service. */
  async drain(serviceArn: string): Promise<void> {
    this.#draining.add(serviceArn);
    await this.#services.get(serviceArn)?.running;
    // Containers that no task knows: a create that was interrupted by a restart.
    this.adopt(serviceArn);
    await Promise.all(this.tasks({ serviceArn }).map((task) => this.stopTask(task, "Scaling activity initiated by (deployment)")));
    this.#tasks.forget(serviceArn);
    this.#services.delete(serviceArn);
    this.#draining.delete(serviceArn);
    this.#changed();
  }

  /** Ends the scheduler; tasks go on, and a later one adopts them. */
  close(): void {
    this.#unsubscribe();
    this.#closed.abort(new Error("the local cloud is stopping"));
    for (const task of this.#tasks.list()) if (task.containers.size === 0) task.abort.abort(this.#closed.signal.reason);
  }

  #memory(serviceArn: string): ServiceMemory {
    const memory = this.#services.get(serviceArn) ?? new ServiceMemory();
    this.#services.set(serviceArn, memory);
    return memory;
  }

  #service(serviceArn: string): ResourceRecord | undefined {
    return this.#cloud.store.byArn(serviceArn) ?? this.#cloud.store.get(ECS_SERVICE, serviceArn);
  }

  #wanted(record: ResourceRecord): string | undefined {
    return findTaskDefinition(this.#cloud, record, text(record.outputs["taskDefinition"]))?.arn;
  }

  /** Source: ECS developer guide, "deployment circuit breaker": half the desired count of tasks failed in a row, at least 3, at most 200. */
  #hasTripped(record: ResourceRecord): boolean {
    if (object(record.inputs["deploymentCircuitBreaker"])["enable"] !== true) return false;
    const threshold = Math.min(200, Math.max(3, Math.ceil(numeric(record.outputs["desiredCount"]) / 2)));
    return this.#memory(record.arn ?? record.id).failures >= threshold;
  }

  async #work(serviceArn: string, memory: ServiceMemory): Promise<void> {
    // In its own turn, so that what one event changes is seen as a whole.
    await Promise.resolve();
    try {
      while (memory.wanted && !this.#closed.signal.aborted) {
        memory.wanted = false;
        const record = this.#service(serviceArn);
        if (record && !this.#draining.has(serviceArn)) this.#look(record, memory);
      }
    } catch (error) {
      this.#cloud.log.warn("ecs service could not be reconciled", { service: serviceArn, error: String(error) });
    } finally {
      memory.running = undefined;
      this.#changed();
    }
  }

  #look(record: ResourceRecord, memory: ServiceMemory): void {
    const serviceArn = record.arn ?? record.id;
    const definition = this.#wanted(record);
    const plan = rollout({
      desired: numeric(record.outputs["desiredCount"]),
      minimumPercent: numeric(record.outputs["deploymentMinimumHealthyPercent"], 100),
      maximumPercent: numeric(record.outputs["deploymentMaximumPercent"], 200),
      tasks: this.#tasks.live(serviceArn).map((task) => ({
        id: task.id,
        current: task.definition === definition,
        ready: isReady(task, this.#cloud),
      })),
    });
    for (const id of plan.stop) {
      const task = this.#tasks.get(id);
      if (task) this.#inBackground(this.stopTask(task, "Scaling activity initiated by (deployment)"), serviceArn);
    }
    if (plan.start === 0 || definition === undefined || memory.retrying || this.#hasTripped(record)) return;
    if (memory.failures > 0) return this.#retryLater(serviceArn, memory);
    for (let n = 0; n < plan.start; n += 1) this.#inBackground(this.#launch(record, definition), serviceArn);
  }

  /** One task at a time until one of them is ready: a broken service must not burn through a burst of launches. */
  #retryLater(serviceArn: string, memory: ServiceMemory): void {
    memory.retrying = true;
    this.#event(serviceArn, "is unable to consistently start tasks successfully; it tries again later");
    this.#inBackground(
      this.#cloud.clock.sleep(memory.backoffSeconds, this.#closed.signal).then(() => this.#retry(serviceArn, memory)),
      serviceArn,
    );
  }

  async #retry(serviceArn: string, memory: ServiceMemory): Promise<void> {
    memory.retrying = false;
    const record = this.#service(serviceArn);
    const definition = record && this.#wanted(record);
    if (!record || definition === undefined || this.#draining.has(serviceArn)) return;
    const lacking =
      this.#tasks.live(serviceArn).filter((task) => task.definition === definition).length < numeric(record.outputs["desiredCount"]);
    if (lacking) await this.#launch(record, definition);
  }

  #inBackground(work: Promise<unknown>, serviceArn: string): void {
    work.catch((error: unknown) => {
      if (!this.#closed.signal.aborted) this.#cloud.log.warn("ecs task failed", { service: serviceArn, error: String(error) });
    });
  }

  async #launch(record: ResourceRecord, definition: string): Promise<void> {
    const task = newTask(record, definition, this.#cloud);
    this.#tasks.add(task);
    this.#event(task.serviceArn, `has started 1 tasks: (task ${task.id})`);
    try {
      await this.#cloud.clock.sleep(this.#rate(record).take() + launchSeconds(task.id), task.abort.signal);
      task.status = "PENDING";
      await this.#startContainers(task);
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      if (task.desired === "RUNNING") this.#failed(task, error instanceof Error ? error.message : String(error));
    }
    this.#changed();
  }

  async #startContainers(task: Task): Promise<void> {
    const definition = findTaskDefinition(this.#cloud, task, task.definition);
    await startContainers(task, this.#service(task.serviceArn), definition, this.#cloud);
    this.#noteReady(task);
    this.reconcile(task.serviceArn);
  }

  #noteReady(task: Task): void {
    if (!isReady(task, this.#cloud)) return;
    task.wasReady = true;
    this.#memory(task.serviceArn).failures = 0;
  }

  #containerChanged(state: ContainerState): void {
    const task = this.#tasks.get(state.spec.labels[LABEL.task] ?? "");
    if (!task || task.desired === "STOPPED") return;
    this.#noteReady(task);
    if (state.status === "exited" && state.spec.labels[LABEL.essential] !== "false") {
      this.#failed(
        task,
        `Essential container in task exited (${state.spec.labels[LABEL.container]}, exit code ${state.exitCode ?? "unknown"})`,
      );
    } else if (healthOf(task, this.#cloud) === "UNHEALTHY") {
      this.#failed(task, "Task failed container health checks");
    }
    this.reconcile(task.serviceArn);
    this.#changed();
  }

  #failed(task: Task, reason: string): void {
    // Only tasks that never worked throttle their service: one that worked and died is replaced at once.
    if (!task.wasReady) this.#memory(task.serviceArn).failures += 1;
    this.#event(task.serviceArn, `(task ${task.id}) stopped: ${reason}`);
    this.#inBackground(this.stopTask(task, reason), task.serviceArn);
  }

  async #end(task: Task): Promise<void> {
    task.status = "DEPROVISIONING";
    const grace = stopSeconds(findTaskDefinition(this.#cloud, task, task.definition));
    await Promise.all([...task.containers.values()].map((id) => this.#cloud.runtime.remove(id, grace)));
    task.status = "STOPPED";
    task.stoppedAt = this.#cloud.clock.now().toISOString();
    this.#tasks.prune(task.serviceArn);
    if (this.#services.has(task.serviceArn)) this.reconcile(task.serviceArn);
  }

  #rate(record: ResourceRecord): LaunchRate {
    const key = `${record.account}/${record.region}`;
    const rate = this.#rates.get(key) ?? new LaunchRate(this.#cloud.clock);
    this.#rates.set(key, rate);
    return rate;
  }

  #event(serviceArn: string, message: string): void {
    this.#memory(serviceArn).note({
      id: this.#cloud.ids.uuid(),
      createdAt: this.#cloud.clock.now().toISOString(),
      message: `(service ${serviceArn.split("/").at(-1) ?? ""}) ${message}`,
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
