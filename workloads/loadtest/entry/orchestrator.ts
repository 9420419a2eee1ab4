/** The orchestrator as a Lambda function, in the home region: `orchestrator.handler`. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { parseEvent, type OrchestratorAnswer } from "../events";
import { orchestrate, type OrchestratorContext } from "../orchestrator";
import { scaleToZero } from "../services";
import { readSettings, text, wholeNumber } from "../settings";
import { tableState } from "../table";

/** Clients are kept over invocations, as Lambda keeps the process. */
let context: OrchestratorContext | undefined;

function contextFromEnvironment(): OrchestratorContext {
  const { tableName, startBufferSeconds } = readSettings(process.env, { tableName: text("TABLE_NAME"), startBufferSeconds: wholeNumber("START_BUFFER_SECONDS", { default: 100, min: 0 }) });
  return { state: tableState(new DynamoDBClient({}), tableName), scaleToZero, now: Date.now, startBufferMs: startBufferSeconds * 1_000 };
}

/** @throws InvalidEvent for a request that can't be understood; the service's own errors otherwise */
export async function handler(event: unknown): Promise<OrchestratorAnswer> {
  context ??= contextFromEnvironment();
  const parsed = parseEvent(event);
  const answer = await orchestrate(parsed, context);
  // test-init is polled every few seconds by every generator.
  if (parsed.action !== "test-init") console.log(JSON.stringify({ event: parsed, answer }));
  return answer;
}
