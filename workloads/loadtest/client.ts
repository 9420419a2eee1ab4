/** How the tasks speak to the orchestrator: by invoking its function in the home region. */
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import type { OrchestratorEvent } from "./events";

/** Sends an event and answers what the orchestrator returned. Rejects with what it threw. */
export type Ask = (event: OrchestratorEvent, signal?: AbortSignal) => Promise<unknown>;

/** The orchestrator behind a Lambda function's name or ARN. */
export function lambdaOrchestrator(client: LambdaClient, functionName: string): Ask {
  return async (event, signal) => {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) });
    const { FunctionError: failed, Payload: payload } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
    const text = Buffer.from(payload ?? []).toString("utf8");
    if (failed !== undefined) throw new Error(`orchestrator failed on ${event.action}: ${describe(text)}`);
    return text === "" ? undefined : JSON.parse(text);
  };
}

/** `errorType: errorMessage` of a function's error, or its text as it is. */
function describe(text: string): string {
  const fault: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
  const { errorType, errorMessage } = (fault ?? {}) as { errorType?: string; errorMessage?: string };
  return errorMessage === undefined ? text : `${errorType ?? "Error"}: ${errorMessage}`;
}
