/** Renders IAM policy documents the way the provider's `getPolicyDocument` does: one value as text, several as a list. */
import { createHash } from "node:crypto";
import type { Properties, PropertyValue } from "../../model";
import { list, object, text } from "../define";

type Statement = Record<string, unknown>;
interface PolicyDocument {
  Version?: string;
  Id?: string;
  Statement: Statement[];
}

/** The function's outputs, the documents of `source…` and `override…` merged in. */
export function renderPolicyDocument(args: Properties): Properties {
  const version = text(args["version"], "2012-10-17");
  const sources = documents(args["sourceJson"], args["sourcePolicyDocuments"]);
  const overrides = documents(args["overrideJson"], args["overridePolicyDocuments"]);
  const own = list(args["statements"]).map((statement) => renderStatement(object(statement)));
  // Sources come first and may not share a Sid; overrides replace the statement of the same Sid.
  const base = [...sources.flatMap((document) => document.Statement), ...own];
  refuseDoubleSids(base);
  const statements = overrides.flatMap((document) => document.Statement).reduce(override, base);
  const document = { Version: version, ...(typeof args["policyId"] === "string" ? { Id: args["policyId"] } : {}), Statement: statements };
  const json = JSON.stringify(document, null, 2);
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null && value !== undefined));
  return {
    ...given,
    id: String(createHash("sha256").update(json).digest().readUInt32BE(0)),
    json,
    minifiedJson: JSON.stringify(document),
    version,
  };
}

function documents(single: PropertyValue | undefined, several: PropertyValue | undefined): PolicyDocument[] {
  return [single, ...list(several)].flatMap((json) => (typeof json === "string" && json !== "" ? [parseDocument(json)] : []));
}

function parseDocument(json: string): PolicyDocument {
  const document = JSON.parse(json) as { Statement?: Statement | Statement[] };
  const { Statement = [] } = document;
  return { ...document, Statement: Array.isArray(Statement) ? Statement : [Statement] };
}

function override(statements: readonly Statement[], next: Statement): Statement[] {
  const at = next["Sid"] === undefined ? -1 : statements.findIndex((statement) => statement["Sid"] === next["Sid"]);
  return at < 0 ? [...statements, next] : statements.with(at, next);
}

function refuseDoubleSids(statements: readonly Statement[]): void {
  const sids = statements.flatMap((statement) => (typeof statement["Sid"] === "string" ? [statement["Sid"]] : []));
  const twice = sids.find((sid, index) => sids.indexOf(sid) !== index);
  if (twice !== undefined) throw new Error(`statements: duplicate Sid (${twice}); each Sid must be unique`);
}

function renderStatement(statement: Properties): Statement {
  return {
    ...(text(statement["sid"]) === "" ? {} : { Sid: text(statement["sid"]) }),
    Effect: text(statement["effect"], "Allow"),
    ...member("Action", statement["actions"]),
    ...member("NotAction", statement["notActions"]),
    ...member("Resource", statement["resources"]),
    ...member("NotResource", statement["notResources"]),
    ...principals("Principal", statement["principals"]),
    ...principals("NotPrincipal", statement["notPrincipals"]),
    ...conditions(statement["conditions"]),
  };
}

function member(name: string, values: PropertyValue | undefined): Statement {
  const texts = list(values).map((value) => text(value));
  return texts.length === 0 ? {} : { [name]: oneOrMany(texts) };
}

function oneOrMany(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? (values[0] ?? "") : [...values].sort().toReversed();
}

function principals(name: string, values: PropertyValue | undefined): Statement {
  const given = list(values).map(object);
  if (given.length === 0) return {};
  if (given.length === 1 && given[0]?.["type"] === "*" && list(given[0]["identifiers"]).join() === "*") return { [name]: "*" };
  const byType = Map.groupBy(given, (principal) => text(principal["type"]));
  return {
    [name]: Object.fromEntries(
      [...byType].map(([type, same]) => [
        type,
        oneOrMany(same.flatMap((principal) => list(principal["identifiers"])).map((id) => text(id))),
      ]),
    ),
  };
}

function conditions(values: PropertyValue | undefined): Statement {
  const given = list(values).map(object);
  if (given.length === 0) return {};
  const byTest = Map.groupBy(given, (condition) => text(condition["test"]));
  return {
    Condition: Object.fromEntries(
      [...byTest].map(([test, same]) => [
        test,
        Object.fromEntries(
          same.map((condition) => [text(condition["variable"]), oneOrMany(list(condition["values"]).map((value) => text(value)))]),
        ),
      ]),
    ),
  };
}
