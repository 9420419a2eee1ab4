/** Measures what a run costs: CPU seconds of all its processes, and the peak of their resident memory together. */
import { readFileSync } from "node:fs";
import { procStat, TICKS_PER_SECOND } from "../system/proc";

/** Between two looks at the resident memory. A peak between two looks is missed; the system's own peaks can't be summed. */
const SAMPLE_MS = 500;

/** On systems without /proc only the driver's own process is measured. */
export class UsageMeter {
  private readonly pids = new Set<number>([process.pid]);
  private readonly cpuAtStart = cpuSeconds();
  private peak = residentBytes(process.pid) ?? process.memoryUsage.rss();
  private readonly timer = setInterval(() => this.sample(), SAMPLE_MS).unref();

  watch(pid: number | undefined): void {
    if (pid !== undefined) this.pids.add(pid);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** CPU seconds since the meter was made, of this process and of all descendants that have ended. */
  read(): { readonly cpuSeconds: number; readonly maxRssBytes: number } {
    this.sample();
    return { cpuSeconds: cpuSeconds() - this.cpuAtStart, maxRssBytes: this.peak };
  }

  private sample(): void {
    let sum = 0;
    for (const pid of this.pids) {
      const bytes = residentBytes(pid);
      if (bytes === undefined && pid !== process.pid) this.pids.delete(pid);
      sum += bytes ?? (pid === process.pid ? process.memoryUsage.rss() : 0);
    }
    this.peak = Math.max(this.peak, sum);
  }
}

/** utime, stime, and those of all children that were waited for. */
const CPU_FIELDS = [14, 15, 16, 17];

function cpuSeconds(): number {
  const stat = procStat("self");
  if (stat !== undefined) return CPU_FIELDS.reduce((sum, number) => sum + Number(stat.field(number)), 0) / TICKS_PER_SECOND;
  const own = process.cpuUsage();
  return (own.user + own.system) / 1e6;
}

function residentBytes(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return undefined;
  }
}
