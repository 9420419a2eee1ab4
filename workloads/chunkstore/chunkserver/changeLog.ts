/** What changed, in order, for readers that come back and ask for what is new. Kept in memory: a new process is a new epoch. */
import { randomUUID } from "node:crypto";
import type { Cursor } from "../contract/nodeApi";

/** One entry. Only the latest of each thing counts; older ones are stale and are passed over. */
export interface Slot<V> {
  readonly seq: number;
  readonly value: V;
  stale: boolean;
}

export interface Page<V> {
  readonly cursor: Cursor;
  /** What the reader had is not the beginning of this: it must forget it first. */
  readonly reset: boolean;
  readonly more: boolean;
  readonly values: readonly V[];
}

/** Stale entries are cleared away once there are so many, and as many as live ones. */
const CLEAR_FROM = 1_024;

export class ChangeLog<V> {
  #epoch = randomUUID();
  #seq = 0;
  /** Readers before this have missed something that is no longer in the log. */
  #floor = 0;
  #stale = 0;
  #slots: Slot<V>[] = [];

  /** The end of the log. */
  get head(): Cursor {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  /** Appends; what was said of the same thing before is stale from now on. */
  append(value: V, before?: Slot<V>): Slot<V> {
    this.#retire(before);
    const slot = { seq: ++this.#seq, value, stale: false };
    this.#slots.push(slot);
    return slot;
  }

  /** Drops an entry that readers should have seen: those who have not must start again. */
  forget(slot: Slot<V>): void {
    if (slot.stale) return;
    this.#retire(slot);
    this.#floor = Math.max(this.#floor, slot.seq);
  }

  /** Drops an entry that no reader will miss. */
  drop(slot: Slot<V>): void {
    this.#retire(slot);
  }

  /** Makes every reader start again. */
  restart(): void {
    this.#epoch = randomUUID();
  }

  /** Entries after the cursor, oldest first; all of them for a cursor of another epoch, or one too old. */
  page(after: Cursor | undefined, limit: number): Page<V> {
    const from = this.#startOf(after);
    const values: V[] = [];
    let seq = from;
    let at = this.#firstAfter(from);
    for (; at < this.#slots.length && values.length < limit; at += 1) {
      const slot = this.#slots[at];
      if (slot === undefined) break;
      seq = slot.seq;
      if (!slot.stale) values.push(slot.value);
    }
    const more = at < this.#slots.length;
    return { cursor: { epoch: this.#epoch, seq: more ? seq : this.#seq }, reset: from === 0, more, values };
  }

  /** Live entries after the cursor as they are, for who needs their numbers. */
  slots(after: Cursor | undefined, limit: number): readonly Slot<V>[] {
    const found: Slot<V>[] = [];
    for (let at = this.#firstAfter(this.#startOf(after)); at < this.#slots.length && found.length < limit; at += 1) {
      const slot = this.#slots[at];
      if (slot !== undefined && !slot.stale) found.push(slot);
    }
    return found;
  }

  #startOf(after: Cursor | undefined): number {
    return after === undefined || after.epoch !== this.#epoch || after.seq < this.#floor || after.seq > this.#seq ? 0 : after.seq;
  }

  #firstAfter(seq: number): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#slots[middle]?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #retire(slot: Slot<V> | undefined): void {
    if (slot === undefined || slot.stale) return;
    slot.stale = true;
    this.#stale += 1;
    if (this.#stale < CLEAR_FROM || this.#stale * 2 < this.#slots.length) return;
    this.#slots = this.#slots.filter(({ stale }) => !stale);
    this.#stale = 0;
  }
}
