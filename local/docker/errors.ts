/** Refusals of the engine in Docker's own words, as its API answers them and as the provider repeats them. */
import { ServiceError } from "../model";

/** Answer to a refused call: HTTP status and message as the Docker Engine API has them. */
export class EngineError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
    this.name = "EngineError";
  }
}

/** For what a real engine can do and this one can't. */
export function notModelled(what: string, file: string): EngineError {
  return new EngineError(501, `${what} is not modelled by the local cloud; extend ${file}`);
}

/** A refusal that the provider itself words, without the engine's part. */
export function providerError(message: string): ServiceError {
  const [code = message, ...rest] = message.split(": ");
  return new ServiceError(code, rest.join(": "));
}

/** What the provider makes of a refused call: its own words, then the engine's. */
export function repeated(prefix: string, error: unknown): ServiceError {
  if (error instanceof EngineError) return new ServiceError(`${prefix}: Error response from daemon`, error.message, error.status);
  return new ServiceError(prefix, error instanceof Error ? error.message : String(error), 500);
}

/** Runs a call of the engine on the provider's behalf. @throws {ServiceError} in the provider's words */
export function asProvider<T>(prefix: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw repeated(prefix, error);
  }
}
