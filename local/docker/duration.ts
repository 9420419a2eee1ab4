/** Go's text form of durations, as Docker's health checks use them. */

// Source: https://pkg.go.dev/time#ParseDuration
const UNITS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, "µs": 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 };
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

/** Seconds of `1m30s`, `500ms`, `0`; undefined when it is no duration, or a negative one. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  let seconds = 0;
  let at = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const [whole, amount, unit] = PART.exec(text) ?? [];
    if (whole === undefined || unit === undefined) return undefined;
    seconds += Number(amount) * (UNITS[unit] ?? 0);
    at += whole.length;
  }
  return text === "" ? undefined : seconds;
}

/** Nanoseconds, as the Engine API has durations. */
export function nanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9);
}
