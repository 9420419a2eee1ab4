import { LoadTestHome, type LoadTestHomeArgs } from "#dist/components/load-test-home/index";
import { documentViolations } from "#dist/policy/no-wildcard-iam";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runMocked, type Ran } from "./mocks";

const folder = mkdtempSync(path.join(os.tmpdir(), "stackfleet-home-"));
const bundle = path.join(folder, "orchestrator.js");
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(bundle, "exports.handler = async () => ({});\n");

function create(changes: Partial<LoadTestHomeArgs> = {}): Promise<Ran> {
  return runMocked(() => {
    const home = new LoadTestHome("home", { region: "eu-central-1", remoteRegions: ["eu-west-1", "us-east-2"], orchestratorBundle: bundle, ...changes });
    return { orchestratorArn: home.orchestratorArn, tableName: home.tableName, metricsEndpoint: home.metricsEndpoint, logGroupPrefix: home.logGroupPrefix };
  }, { region: "eu-central-1" });
}

interface Statement { Action: string | string[]; Resource: string | string[]; Condition?: unknown }
const policyOf = (ran: Ran, role: string): Statement[] => (JSON.parse(String(ran.named(`home-${role}-policy`).inputs["policy"])) as { Statement: Statement[] }).Statement;

describe("LoadTestHome", () => {
  it("hands out what the regions need", async () => {
    const { outputs } = await create();
    expect(outputs).toEqual({
      orchestratorArn: "arn:aws:lambda:eu-central-1:123456789012:function:home-orchestrator", tableName: "home-table",
      metricsEndpoint: "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-home-metrics/", logGroupPrefix: "/stackfleet/fleet",
    });
  });

  it("keeps the state in an on-demand table that the orchestrator is told of", async () => {
    const ran = await create({ startBufferSeconds: 5 });
    expect(ran.named("home-table").inputs).toMatchObject({ billingMode: "PAY_PER_REQUEST", hashKey: "id" });
    expect(ran.named("home-orchestrator").inputs).toMatchObject({
      handler: "orchestrator.handler", runtime: "nodejs22.x", environment: { variables: { TABLE_NAME: "home-table", START_BUFFER_SECONDS: "5" } },
    });
  });

  it("keeps the bucket private and, unless told otherwise, its results safe from deletion", async () => {
    const ran = await create();
    expect(ran.named("home-results").inputs["forceDestroy"]).toBe(false);
    expect(ran.named("home-results-private").inputs).toMatchObject({ blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true });
    expect(ran.named("home-results-encryption").inputs["rules"]).toEqual([{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }]);
    expect((await create({ deleteResults: true })).named("home-results").inputs["forceDestroy"]).toBe(true);
  });

  it("makes one set of roles, each with one policy of a fixed name, none with a wildcard", async () => {
    const ran = await create();
    expect(ran.of("aws:iam/role:Role")).toHaveLength(4);
    expect(ran.of("aws:iam/rolePolicy:RolePolicy").map(({ inputs }) => inputs["name"]).toSorted()).toEqual(["aggregator", "execution", "generator", "orchestrator"]);
    for (const role of ["execution", "aggregator", "generator", "orchestrator"]) {
      expect(documentViolations(role, ran.named(`home-${role}-policy`).inputs["policy"])).toEqual([]);
      expect(documentViolations(role, ran.named(`home-${role}-role`).inputs["assumeRolePolicy"])).toEqual([]);
    }
  });

  it("lets the orchestrator scale this project's services in the remote regions, and no others", async () => {
    const scale = policyOf(await create(), "orchestrator").find(({ Action }) => Action === "ecs:UpdateService");
    expect(scale).toMatchObject({
      Resource: ["arn:aws:ecs:eu-west-1:123456789012:service/*", "arn:aws:ecs:us-east-2:123456789012:service/*"],
      Condition: { StringEquals: { "aws:ResourceTag/stackfleet:project": "fleet" } },
    });
  });

  it("lets tasks of the remote regions write their logs", async () => {
    const [logs] = policyOf(await create(), "execution");
    expect(logs?.Resource).toEqual(["eu-west-1", "us-east-2"].map((region) => `arn:aws:logs:${region}:123456789012:log-group:/stackfleet/fleet/${region}/*`));
  });

  it("lets generators read scripts but not write anything", async () => {
    expect(policyOf(await create(), "generator").map(({ Action }) => Action)).toEqual(["lambda:InvokeFunction", "s3:GetObject"]);
  });

  it("reports every fault at once", async () => {
    await expect(create({ remoteRegions: ["eu-west-1", "moon", "eu-west-1"], startBufferSeconds: -1 })).rejects.toThrow([
      'LoadTestHome "home": remoteRegions[1]: not a region code; got "moon"; expected a code such as eu-west-1; use a code of the AWS region table',
      'LoadTestHome "home": remoteRegions[2]: named twice; got "eu-west-1"; expected each region once; leave the second one out',
      'LoadTestHome "home": startBufferSeconds: out of range; got -1; expected a whole number from 0 to 3600; leave it out for 100',
    ].join("\n"));
    await expect(create({ remoteRegions: [] })).rejects.toThrow(/remoteRegions: no region/);
  });

  it("says what to do when the orchestrator's bundle is missing", async () => {
    await expect(create({ orchestratorBundle: path.join(folder, "nothing.js") })).rejects.toThrow(/orchestratorBundle: no such file; .*run `npm run build`/);
    expect(readdirSync(folder)).toEqual(["orchestrator.js"]);
  });
});
