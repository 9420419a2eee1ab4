/** `aws:dynamodb/table:Table` and `tableItem`: tables whose data plane is really there. */
import { z } from "zod";
import { ServiceError } from "../../model";
import type { CloudContext, Properties, ResourceRecord } from "../../model";
import { arn } from "../arn";
import type { Place } from "../arn";
import { defineResource, list, numeric, object, text } from "../define";
import { dynamoEngines } from "./engine";

const FILE = "local/aws/dynamodb/table.ts";
export const TABLE = "aws:dynamodb/table:Table";
const TABLE_ITEM = "aws:dynamodb/tableItem:TableItem";

const projection = { projectionType: z.enum(["ALL", "KEYS_ONLY", "INCLUDE"]), nonKeyAttributes: z.array(z.string()).optional() };
const capacity = z.number().int().min(1).optional();

export const table = defineResource({
  type: TABLE,
  file: FILE,
  shape: {
    // Source: DynamoDB developer guide, "Naming rules".
    name: z
      .string()
      .min(3)
      .max(255)
      .regex(/^[A-Za-z0-9_.-]+$/, "only letters, digits and _.- are allowed")
      .optional(),
    attributes: z.array(z.strictObject({ name: z.string(), type: z.enum(["S", "N", "B"]) })),
    hashKey: z.string(),
    rangeKey: z.string().optional(),
    billingMode: z.enum(["PROVISIONED", "PAY_PER_REQUEST"]).optional(),
    readCapacity: capacity,
    writeCapacity: capacity,
    globalSecondaryIndexes: z
      .array(
        z.strictObject({
          name: z.string(),
          hashKey: z.string(),
          rangeKey: z.string().optional(),
          readCapacity: capacity,
          writeCapacity: capacity,
          ...projection,
        }),
      )
      .optional(),
    localSecondaryIndexes: z.array(z.strictObject({ name: z.string(), rangeKey: z.string(), ...projection })).optional(),
    deletionProtectionEnabled: z.boolean().optional(),
    tableClass: z.enum(["STANDARD", "STANDARD_INFREQUENT_ACCESS"]).optional(),
    // Kept, without effect: items are published to expire "within a few days", backups and encryption can't be seen by a program.
    ttl: z.strictObject({ attributeName: z.string().optional(), enabled: z.boolean().optional() }).optional(),
    pointInTimeRecovery: z.strictObject({ enabled: z.boolean(), recoveryPeriodInDays: z.number().int().optional() }).optional(),
    serverSideEncryption: z.strictObject({ enabled: z.boolean(), kmsKeyArn: z.string().optional() }).optional(),
    streamEnabled: z.literal(false).optional(),
  },
  replaceOn: ["name", "hashKey", "rangeKey", "localSecondaryIndexes"],
  autoname: { property: "name", maxLength: 255 },
  check: attributeFaults,
  begin(inputs, scope, cloud) {
    const name = inputs.name ?? `terraform-${cloud.ids.hex(26)}`;
    if (cloud.store.get(TABLE, name, { region: scope.region, account: scope.account }))
      throw new ServiceError("ResourceInUseException", `Table already exists: ${name}`);
    const tableArn = arn(scope, "dynamodb", `table/${name}`);
    return {
      id: name,
      arn: tableArn,
      outputs: {
        arn: tableArn,
        name,
        billingMode: inputs.billingMode ?? "PROVISIONED",
        streamArn: "",
        streamLabel: "",
        streamViewType: "",
        streamEnabled: false,
        readCapacity: inputs.readCapacity ?? 0,
        writeCapacity: inputs.writeCapacity ?? 0,
        tableClass: inputs.tableClass ?? "STANDARD",
        deletionProtectionEnabled: inputs.deletionProtectionEnabled ?? false,
        pointInTimeRecovery: { enabled: false, ...inputs.pointInTimeRecovery },
        ttl: { attributeName: "", enabled: false, ...inputs.ttl },
      },
    };
  },
  async settle(record, _scope, cloud) {
    await createTable(record, cloud);
  },
  // The data is on disk; a daemon that died between the record and its table makes it now.
  async restore(record, cloud) {
    if (record.status !== "creating") await createTable(record, cloud);
  },
  async update(record, inputs) {
    const indexes = JSON.stringify(inputs.globalSecondaryIndexes ?? []);
    if (indexes !== JSON.stringify(record.inputs["globalSecondaryIndexes"] ?? [])) {
      throw new ServiceError(
        "ValidationException",
        `changing globalSecondaryIndexes of a live table is not modelled by the local cloud; extend ${FILE}`,
      );
    }
    return { deletionProtectionEnabled: inputs.deletionProtectionEnabled ?? false, billingMode: inputs.billingMode ?? "PROVISIONED" };
  },
  beforeDelete(record) {
    if (record.inputs["deletionProtectionEnabled"] === true) {
      throw new ServiceError(
        "ValidationException",
        `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first (${record.id}).`,
      );
    }
  },
  async destroy(record, _scope, cloud) {
    try {
      await dynamoEngines(cloud).call(record, "DeleteTable", { TableName: record.id });
    } catch (error) {
      // The data plane may have dropped it already: gone is what was asked for.
      if (!(error instanceof ServiceError && error.code === "ResourceNotFoundException")) throw error;
    }
  },
});

/** Every key attribute must be declared, and nothing else: DynamoDB refuses both. */
function attributeFaults(inputs: Properties): { property: string; reason: string }[] {
  const declared = list(inputs["attributes"]).map((attribute) => text(object(attribute)["name"]));
  const indexes = [...list(inputs["globalSecondaryIndexes"]), ...list(inputs["localSecondaryIndexes"])].map(object);
  const used = [inputs, ...indexes].flatMap((source) => [source["hashKey"], source["rangeKey"]]).filter((name) => typeof name === "string");
  const missing = used.filter((name) => !declared.includes(name));
  const unused = declared.filter((name) => !used.includes(name));
  return [
    ...(declared.length > 0 && missing.length > 0
      ? [{ property: "attributes", reason: `key attributes are not declared: ${missing.join(", ")}` }]
      : []),
    ...(unused.length > 0
      ? [{ property: "attributes", reason: `all attributes must be used by a key; unused: ${unused.join(", ")}` }]
      : []),
  ];
}

async function createTable(record: ResourceRecord, cloud: CloudContext): Promise<void> {
  try {
    await dynamoEngines(cloud).call(record, "CreateTable", tableInput(record));
  } catch (error) {
    // Made before a crash of the daemon: the record is what counts, and names are unique.
    if (!(error instanceof ServiceError && error.code === "ResourceInUseException")) throw error;
  }
  await untilActive(record, record.id, cloud);
}

/** dynalite makes a table active in its next turn; the bound only guards against a broken store. */
async function untilActive(place: Place, name: string, cloud: CloudContext): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const { Table } = await dynamoEngines(cloud).call(place, "DescribeTable", { TableName: name });
    if ((Table as { TableStatus?: string } | undefined)?.TableStatus === "ACTIVE") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new ServiceError("InternalServerError", `table ${name} did not become active`, 500);
}

/** The record's inputs in DynamoDB's own words. */
export function tableInput(record: ResourceRecord): Record<string, unknown> {
  const { inputs } = record;
  const provisioned = text(inputs["billingMode"], "PROVISIONED") === "PROVISIONED";
  const throughput = (source: Properties) =>
    provisioned
      ? {
          ProvisionedThroughput: {
            ReadCapacityUnits: numeric(source["readCapacity"], 1),
            WriteCapacityUnits: numeric(source["writeCapacity"], 1),
          },
        }
      : {};
  const globals = list(inputs["globalSecondaryIndexes"]).map(object);
  const locals = list(inputs["localSecondaryIndexes"]).map(object);
  return {
    TableName: record.id,
    AttributeDefinitions: list(inputs["attributes"])
      .map(object)
      .map((attribute) => ({ AttributeName: attribute["name"], AttributeType: attribute["type"] })),
    KeySchema: keySchema(text(inputs["hashKey"]), inputs["rangeKey"]),
    BillingMode: provisioned ? "PROVISIONED" : "PAY_PER_REQUEST",
    ...throughput(inputs),
    ...(globals.length > 0
      ? { GlobalSecondaryIndexes: globals.map((index) => ({ ...indexInput(index, text(index["hashKey"])), ...throughput(index) })) }
      : {}),
    ...(locals.length > 0 ? { LocalSecondaryIndexes: locals.map((index) => indexInput(index, text(inputs["hashKey"]))) } : {}),
  };
}

function keySchema(hashKey: string, rangeKey: unknown): object[] {
  return [
    { AttributeName: hashKey, KeyType: "HASH" },
    ...(typeof rangeKey === "string" ? [{ AttributeName: rangeKey, KeyType: "RANGE" }] : []),
  ];
}

function indexInput(index: Properties, hashKey: string): object {
  const attributes = list(index["nonKeyAttributes"]);
  return {
    IndexName: index["name"],
    KeySchema: keySchema(hashKey, index["rangeKey"]),
    Projection: { ProjectionType: index["projectionType"], ...(attributes.length > 0 ? { NonKeyAttributes: attributes } : {}) },
  };
}

export const tableItem = defineResource({
  type: TABLE_ITEM,
  file: FILE,
  taggable: false,
  shape: { tableName: z.string(), hashKey: z.string(), rangeKey: z.string().optional(), item: z.string() },
  replaceOn: ["tableName", "hashKey", "rangeKey"],
  begin(inputs, scope, cloud) {
    const found = cloud.store.get(TABLE, inputs.tableName, { region: scope.region, account: scope.account });
    if (!found) throw new ServiceError("ResourceNotFoundException", `Requested resource not found: table ${inputs.tableName}`);
    const keys = [inputs.hashKey, ...(inputs.rangeKey === undefined ? [] : [inputs.rangeKey])].map((key) =>
      keyText(parseItem(inputs.item), key),
    );
    const id = [inputs.tableName, inputs.hashKey, ...keys].join("|");
    if (cloud.store.get(TABLE_ITEM, id, { region: scope.region, account: scope.account }))
      throw new ServiceError("ConditionalCheckFailedException", `The conditional request failed: item ${id} exists already`);
    return { id, outputs: { hashKeyValue: keys[0] ?? "", rangeKeyValue: keys[1] ?? "" } };
  },
  // As the provider does: the put is conditional on the item not being there.
  async settle(record, _scope, cloud) {
    await dynamoEngines(cloud).call(record, "PutItem", {
      TableName: record.inputs["tableName"],
      Item: parseItem(text(record.inputs["item"])),
      ConditionExpression: "attribute_not_exists(#hash)",
      ExpressionAttributeNames: { "#hash": record.inputs["hashKey"] },
    });
  },
  async update(record, inputs, _scope, cloud) {
    await dynamoEngines(cloud).call(record, "PutItem", { TableName: inputs.tableName, Item: parseItem(inputs.item) });
    return {};
  },
  async destroy(record, _scope, cloud) {
    const item = parseItem(text(record.inputs["item"]));
    const keys = [text(record.inputs["hashKey"]), text(record.inputs["rangeKey"])].filter((key) => key !== "");
    await dynamoEngines(cloud).call(record, "DeleteItem", {
      TableName: record.inputs["tableName"],
      Key: Object.fromEntries(keys.map((key) => [key, item[key]])),
    });
  },
});

function parseItem(item: string): Record<string, Record<string, unknown>> {
  try {
    return JSON.parse(item) as Record<string, Record<string, unknown>>;
  } catch (cause) {
    throw new ServiceError("ValidationException", `item is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function keyText(item: Record<string, Record<string, unknown>>, key: string): string {
  const value = Object.values(item[key] ?? {})[0];
  if (value === undefined)
    throw new ServiceError("ValidationException", `One or more parameter values were invalid: Missing the key ${key} in the item`);
  return String(value);
}
