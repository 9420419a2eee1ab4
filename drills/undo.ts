/** What a drill must put back: last in first out, and written down before anything is broken, so that even a killed drill's damage is mended by the next one. */
import { reasonOf } from "./errors";
import type { Undo, UndoHandle } from "./model";

/** Where the actions are kept while they are due. */
export interface UndoLog<A> {
  /** Oldest first; what an earlier drill left when it was killed. */
  read(): readonly A[];
  /** Durable on return. */
  write(actions: readonly A[]): void;
}

export interface PutBack<A> { readonly action: A; /** undefined: done */ readonly error?: string }

export class UndoStack<A> implements Undo<A> {
  private due: { readonly action: A }[];

  /** Starts with what the log holds. */
  constructor(private readonly log: UndoLog<A>, private readonly act: (action: A) => Promise<void>) {
    this.due = log.read().map((action) => ({ action }));
  }

  get size(): number {
    return this.due.length;
  }

  get actions(): readonly A[] {
    return this.due.map(({ action }) => action);
  }

  add(action: A): Promise<UndoHandle> {
    const entry = { action };
    this.due.push(entry);
    this.save();
    return Promise.resolve({ perform: () => this.perform(entry) });
  }

  /**
   * Puts everything back, newest first. What fails stays due, and doesn't keep the rest from being put back.
   * @param told called after each
   */
  async unwind(told: (done: PutBack<A>) => void = () => undefined): Promise<readonly PutBack<A>[]> {
    const failed: PutBack<A>[] = [];
    for (const entry of [...this.due].reverse()) {
      try {
        await this.perform(entry);
        told({ action: entry.action });
      } catch (error) {
        const failure = { action: entry.action, error: reasonOf(error) };
        failed.push(failure);
        told(failure);
      }
    }
    return failed;
  }

  private async perform(entry: { readonly action: A }): Promise<void> {
    if (!this.due.includes(entry)) return; // put back already
    await this.act(entry.action);
    this.due = this.due.filter((other) => other !== entry);
    this.save();
  }

  private save(): void {
    this.log.write(this.actions);
  }
}
