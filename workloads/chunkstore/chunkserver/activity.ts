/** Which uploads are being written, and since when the others are not: what tells an orphan from an upload under way. */
import type { Clock } from "../contract/ports";

export class Activity {
  /** When an upload got a chunk last, by the monotonic clock; only since this process started. */
  readonly #touched = new Map<string, number>();
  /** Writes under way. */
  readonly #writing = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  begin(upload: string): void {
    this.#writing.set(upload, (this.#writing.get(upload) ?? 0) + 1);
    this.#touched.set(upload, this.clock.monotonic());
  }

  /** @param exists whether the upload has any chunk */
  end(upload: string, exists: boolean): void {
    const left = (this.#writing.get(upload) ?? 1) - 1;
    if (left === 0) this.#writing.delete(upload);
    else this.#writing.set(upload, left);
    if (exists) this.#touched.set(upload, this.clock.monotonic());
    else if (left === 0) this.#touched.delete(upload);
  }

  forget(upload: string): void {
    this.#touched.delete(upload);
  }

  /**
   * Milliseconds since the upload got a chunk; undefined while it gets one.
   * @param before when an earlier process wrote to it last, milliseconds since 1970; asked only if this one didn't
   */
  async idleMs(upload: string, before: () => Promise<number>): Promise<number | undefined> {
    if (this.#writing.has(upload)) return undefined;
    const touched = this.#touched.get(upload);
    return touched === undefined ? Math.max(0, this.clock.now() - (await before())) : this.clock.monotonic() - touched;
  }
}
