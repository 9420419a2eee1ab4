/** Policy: permissions name their actions, their resources and who has them. */
import { isObject, listOf, type Rule, violation } from "./rule";

/** Properties that hold policy documents, by type. Key policies of KMS are left out: there `kms:*` on `*` means the key itself. */
const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  "aws:iam/policy:Policy": ["policy"],
  "aws:iam/rolePolicy:RolePolicy": ["policy"],
  "aws:iam/userPolicy:UserPolicy": ["policy"],
  "aws:iam/groupPolicy:GroupPolicy": ["policy"],
  "aws:iam/role:Role": ["assumeRolePolicy"],
  "aws:s3/bucketPolicy:BucketPolicy": ["policy"],
  "aws:sqs/queue:Queue": ["policy"],
  "aws:sqs/queuePolicy:QueuePolicy": ["policy"],
  "aws:sns/topic:Topic": ["policy"],
  "aws:sns/topicPolicy:TopicPolicy": ["policy"],
  "aws:ecr/repositoryPolicy:RepositoryPolicy": ["policy"],
  "aws:secretsmanager/secret:Secret": ["policy"],
  "aws:secretsmanager/secretPolicy:SecretPolicy": ["policy"],
};

/** Actions that can't be limited to a resource. Source: AWS Service Authorization Reference, rows without a resource type. */
const UNSCOPABLE_ACTIONS = new Set([
  "ecr:getauthorizationtoken", "xray:puttracesegments", "xray:puttelemetryrecords", "cloudwatch:putmetricdata", "s3:listallmybuckets",
  "ec2:describeregions", "ec2:describeavailabilityzones", "sts:getcalleridentity", "tag:getresources",
  "ecs:listservices",
]);

export const noWildcardIam: Rule = {
  name: "no-wildcard-iam",
  description: "No IAM or resource policy allows all actions of a service, all resources, or everybody.",
  check({ type, props }) {
    const documents = (DOCUMENTS[type] ?? []).flatMap((property) => documentViolations(property, props[property]));
    switch (type) {
      case "aws:iam/role:Role": return [...documents, ...inlineViolations(props["inlinePolicies"]), ...managedViolations("managedPolicyArns", props["managedPolicyArns"])];
      case "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
      case "aws:iam/userPolicyAttachment:UserPolicyAttachment":
      case "aws:iam/groupPolicyAttachment:GroupPolicyAttachment":
      case "aws:iam/policyAttachment:PolicyAttachment": return managedViolations("policyArn", props["policyArn"]);
      case "aws:lambda/permission:Permission": return [...actionViolations("action", props["action"]), ...principalViolations("principal", props["principal"])];
      default: return documents;
    }
  },
};

function inlineViolations(policies: unknown): readonly string[] {
  return listOf(policies).flatMap((policy, index) => (isObject(policy) ? documentViolations(`inlinePolicies[${index}].policy`, policy["policy"]) : []));
}

/** Everything that one policy document, as text or as an object, allows too widely. */
export function documentViolations(path: string, given: unknown): readonly string[] {
  if (given === undefined || given === null) return [];
  const document = typeof given === "string" ? parsed(given) : given;
  if (!isObject(document)) return [violation(path, "not a policy document", typeof given === "string" ? given.slice(0, 40) : given, "a JSON object with Statement", "write it with pulumi.jsonStringify")];
  return listOf(document["Statement"]).flatMap((statement, index) =>
    (isObject(statement) && statement["Effect"] === "Allow" ? statementViolations(`${path}.Statement[${index}]`, statement) : []));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Reported by the caller as not being a document.
    return undefined;
  }
}

function statementViolations(path: string, statement: Readonly<Record<string, unknown>>): readonly string[] {
  const inverted = ["NotAction", "NotResource", "NotPrincipal"].filter((key) => key in statement);
  return [
    ...inverted.map((key) => violation(`${path}.${key}`, "allows everything that it doesn't name", statement[key], `${key.slice(3)}`, "name what is allowed, and deny the rest if need be")),
    ...actionViolations(`${path}.Action`, statement["Action"]),
    ...resourceViolations(`${path}.Resource`, statement),
    ...principalViolations(`${path}.Principal`, statement["Principal"]),
  ];
}

function actionViolations(path: string, actions: unknown): readonly string[] {
  return listOf(actions).filter((action) => typeof action === "string" && /[*?]/.test(action))
    .map((action) => violation(path, "wildcard action", action, "actions by their full names", "name each action that is needed"));
}

function resourceViolations(path: string, statement: Readonly<Record<string, unknown>>): readonly string[] {
  const actions = listOf(statement["Action"]).map((action) => String(action).toLowerCase());
  if (actions.length > 0 && actions.every((action) => UNSCOPABLE_ACTIONS.has(action))) return [];
  const conditioned = isObject(statement["Condition"]) && Object.keys(statement["Condition"]).length > 0;
  return listOf(statement["Resource"]).filter((resource) => isWildcardResource(resource, conditioned))
    .map((resource) => violation(path, "wildcard resource", resource, "ARNs of single resources, or of a type under a condition", "name the resources"));
}

/** `*`; an ARN whose service is a wildcard, or whose resource is nothing else; and, unless a condition narrows it, all of one type (`table/*`). */
function isWildcardResource(resource: unknown, conditioned: boolean): boolean {
  if (typeof resource !== "string") return false;
  if (/^[*?]+$/.test(resource)) return true;
  const [, , service = "", , , ...rest] = resource.split(":");
  const name = rest.join(":");
  return /[*?]/.test(service) || /^[*?]+$/.test(name) || (!conditioned && /^[A-Za-z-]+[/:][*?]+$/.test(name));
}

/** `"*"` or a map such as `{ AWS: "*" }`, whose values may be lists. */
function principalViolations(path: string, principal: unknown): readonly string[] {
  const named = isObject(principal) ? Object.values(principal).flatMap(listOf) : listOf(principal);
  return named.filter((one) => typeof one === "string" && /^(\*|arn:[^:]*:iam::\*:.*)$/.test(one))
    .map((one) => violation(path, "anybody", one, "accounts, roles or services by name", "name who may"));
}

/** Policies of AWS itself that are as wide as a wildcard. */
function managedViolations(path: string, arns: unknown): readonly string[] {
  return listOf(arns).filter((arn) => typeof arn === "string" && /:iam::aws:policy\/(.*\/)?(AdministratorAccess|PowerUserAccess|\w*FullAccess)$/.test(arn))
    .map((arn) => violation(path, "policy with full access", arn, "a policy that names its actions and resources", "write a policy with what is needed"));
}
