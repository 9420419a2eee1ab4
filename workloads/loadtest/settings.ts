/** Reads a program's settings from its environment and reports every fault at once. */

/** One variable: its name and how its text becomes a value. */
export interface Setting<T> {
  readonly variable: string;
  /** Throws an Error that says what is wrong; `undefined` is a variable that isn't set or is empty. */
  readonly parse: (value: string | undefined) => T;
}

/** A text that must be there. */
export function text(variable: string): Setting<string> {
  return {
    variable,
    parse: (value) => {
      if (value === undefined) throw new Error("is missing; expected a text");
      return value;
    },
  };
}

/** A whole number within limits; without a default it must be there. */
export function wholeNumber(variable: string, limits: { readonly default?: number; readonly min: number; readonly max?: number }): Setting<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = limits;
  const expected = `expected a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`}`;
  return {
    variable,
    parse: (value) => {
      if (value === undefined) {
        if (limits.default !== undefined) return limits.default;
        throw new Error(`is missing; ${expected}`);
      }
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`out of range; got "${value}"; ${expected}`);
      return number;
    },
  };
}

/** @throws Error that names every faulty variable */
export function readSettings<T extends Record<string, unknown>>(environment: NodeJS.ProcessEnv, settings: { readonly [K in keyof T]: Setting<T[K]> }): T {
  const faults: string[] = [];
  const values = Object.entries(settings as Record<string, Setting<unknown>>).map(([key, { variable, parse }]) => {
    try {
      return [key, parse(environment[variable] === "" ? undefined : environment[variable])] as const;
    } catch (error) {
      faults.push(`${variable}: ${error instanceof Error ? error.message : String(error)}`);
      return [key, undefined] as const;
    }
  });
  if (faults.length > 0) throw new Error(`environment: ${faults.join(" | ")}`);
  // Every key of `settings` has its value now, or the line above has thrown.
  return Object.fromEntries(values) as T;
}
