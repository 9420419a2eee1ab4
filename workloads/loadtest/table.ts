/** The orchestrator's state in DynamoDB: four items, changed by atomic adds to string sets and by conditional writes only. */
import { ConditionalCheckFailedException, GetItemCommand, PutItemCommand, UpdateItemCommand, type AttributeValue, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { randomUUID } from "node:crypto";
import type { StartState } from "./events";
import type { Round, TestState } from "./orchestrator";

/** Values of the hash key `id`. */
export const ITEMS = {
  ready: "aggregator-ready-regions",
  completed: "test-completed-regions",
  required: "required-remote-regions",
  start: "test-start-state",
} as const;
type Item = (typeof ITEMS)[keyof typeof ITEMS];
type Attributes = Record<string, AttributeValue>;

/** The state in the given table; its hash key is the string `id`. */
export function tableState(client: DynamoDBClient, tableName: string): TestState {
  const read = async (id: Item): Promise<Attributes> => {
    const { Item: item } = await client.send(new GetItemCommand({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true }));
    return item ?? {};
  };
  /** ADD to a set is atomic: of two regions that record at once, none is lost; a region twice is there once. */
  const add = async (id: Item, region: string): Promise<Round> => {
    const { Attributes: attributes } = await client.send(new UpdateItemCommand({
      TableName: tableName, Key: { id: { S: id } }, ReturnValues: "ALL_NEW",
      UpdateExpression: "ADD #regions :region", ExpressionAttributeNames: { "#regions": "regions" }, ExpressionAttributeValues: { ":region": { SS: [region] } },
    }));
    return roundOf(attributes ?? {});
  };
  return {
    addReady: (region) => add(ITEMS.ready, region),
    addCompleted: (region) => add(ITEMS.completed, region),
    required: async () => roundOf(await read(ITEMS.required)),
    startState: async () => startStateOf(await read(ITEMS.start)),
    start: (round, timestamp) => start(client, tableName, round, timestamp),
    reset: (regions) => reset(client, tableName, regions, read),
  };
}

function roundOf({ round, regions }: Attributes): Round {
  return { ...(round?.S === undefined ? {} : { id: round.S }), regions: regions?.SS ?? [] };
}

function startStateOf({ state, timestamp }: Attributes): StartState {
  return state?.BOOL === true ? { state: true, timestamp: Number(timestamp?.N) } : { state: false };
}

/** The first call of the round wins and its timestamp stays; a call of an earlier round changes nothing. */
async function start(client: DynamoDBClient, tableName: string, round: Round, timestamp: number): Promise<boolean> {
  try {
    await client.send(new UpdateItemCommand({
      TableName: tableName, Key: { id: { S: ITEMS.start } },
      UpdateExpression: "SET #state = :true, #timestamp = :timestamp",
      ConditionExpression: `(attribute_not_exists(#state) OR #state = :false) AND ${round.id === undefined ? "attribute_not_exists(#round)" : "#round = :round"}`,
      ExpressionAttributeNames: { "#state": "state", "#timestamp": "timestamp", "#round": "round" },
      ExpressionAttributeValues: {
        ":true": { BOOL: true }, ":false": { BOOL: false }, ":timestamp": { N: String(timestamp) }, ...(round.id === undefined ? {} : { ":round": { S: round.id } }),
      },
    }));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Resets that meet disturb each other; so each looks at what it has made, and makes it again when it is mixed. */
const RESETS_TO_TRY = 5;

/**
 * Four plain writes: `required` comes last and is what makes the new round valid, so a reset that dies on the way leaves items
 * of two rounds, which nothing takes for one, and can simply be repeated. (A transaction would do the same in one call, but
 * not every DynamoDB-compatible store has it.)
 */
async function reset(client: DynamoDBClient, tableName: string, regions: readonly string[], read: (id: Item) => Promise<Attributes>): Promise<void> {
  for (let attempt = 0; attempt < RESETS_TO_TRY; attempt++) {
    const round = { S: randomUUID() };
    const put = (id: Item, attributes: Attributes): Promise<unknown> => client.send(new PutItemCommand({ TableName: tableName, Item: { id: { S: id }, round, ...attributes } }));
    // A set can't be empty in DynamoDB: an item without `regions` is the empty set.
    await put(ITEMS.start, { state: { BOOL: false } });
    await put(ITEMS.ready, {});
    await put(ITEMS.completed, {});
    await put(ITEMS.required, { regions: { SS: [...regions] } });
    const rounds = await Promise.all(Object.values(ITEMS).map(async (id) => (await read(id))["round"]?.S));
    if (new Set(rounds).size === 1) return;
  }
  throw new Error(`test-reset: ${RESETS_TO_TRY} attempts met other resets; got items of several rounds; call it once and wait for its answer`);
}
