import { RegionalLoadGenerator, type RegionalLoadGeneratorArgs } from "#dist/components/regional-load-generator/index";
import { describe, expect, it } from "vitest";
import { runMocked, type Ran } from "./mocks";

const ARGS: RegionalLoadGeneratorArgs = {
  region: "eu-west-1", virtualUsers: 777, homeRegion: "eu-central-1", orchestratorArn: "arn:aws:lambda:eu-central-1:1:function:o",
  executionRoleArn: "arn:execution", aggregatorRoleArn: "arn:aggregator", generatorRoleArn: "arn:generator", logGroupPrefix: "/stackfleet/fleet",
};

function create(changes: Partial<RegionalLoadGeneratorArgs> = {}): Promise<Ran> {
  return runMocked(() => {
    const load = new RegionalLoadGenerator("load", { ...ARGS, ...changes });
    return { clusterArn: load.clusterArn, generators: load.generatorServiceArns, groups: load.taskGroups };
  });
}

interface Container { command: string[]; image: string; environment: { name: string; value: string }[]; healthCheck: { command: string[] } }
function containerOf(ran: Ran, task: string): Container {
  const [container] = JSON.parse(String(ran.named(task).inputs["containerDefinitions"])) as Container[];
  if (!container) throw new Error(`${task} has no container`);
  return container;
}
const environmentOf = (container: Container): Record<string, string> => Object.fromEntries(container.environment.map(({ name, value }) => [name, value]));

describe("RegionalLoadGenerator", () => {
  it("runs one service a group, whose tasks know their exact share", async () => {
    const ran = await create();
    const services = ran.of("aws:ecs/service:Service").filter(({ name }) => name.startsWith("load-generators"));
    expect(services.map(({ inputs }) => [inputs["name"], inputs["desiredCount"]])).toEqual([["fleet-load-generators-1-1x195", 1], ["fleet-load-generators-2-3x194", 3]]);
    expect(environmentOf(containerOf(ran, "load-generators-1-task"))).toEqual({
      AWS_REGION: "eu-west-1", HOME_REGION: "eu-central-1", ORCHESTRATOR_FUNCTION: ARGS.orchestratorArn, PORT: "8080", VIRTUAL_USERS: "195",
    });
    expect(environmentOf(containerOf(ran, "load-generators-2-task"))["VIRTUAL_USERS"]).toBe("194");
    expect(ran.outputs["groups"]).toEqual([{ tasks: 1, virtualUsers: 195 }, { tasks: 3, virtualUsers: 194 }]);
  });

  it("runs the aggregator with its own command, role and health check", async () => {
    const ran = await create();
    const container = containerOf(ran, "load-aggregator-task");
    expect(container.command).toEqual(["aggregator"]);
    expect(container.image).toBe("stackfleet/loadtest:1");
    expect(container.healthCheck.command).toEqual(["CMD", "node", "healthcheck.js"]);
    expect(environmentOf(container)).not.toHaveProperty("VIRTUAL_USERS");
    expect(ran.named("load-aggregator-task").inputs).toMatchObject({ networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], taskRoleArn: "arn:aggregator", executionRoleArn: "arn:execution" });
    expect(ran.named("load-aggregator").inputs["desiredCount"]).toBe(1);
  });

  it("leaves the count of running tasks to the orchestrator after the creation", async () => {
    const services = (await create()).of("aws:ecs/service:Service");
    expect(services).toHaveLength(3);
    for (const { options } of services) expect(options).toMatchObject({ ignoreChanges: ["desiredCount"], deleteBeforeReplace: true });
  });

  it("names the service after its plan, so that another plan replaces it", async () => {
    const nameAt = async (virtualUsers: number): Promise<unknown> => (await create({ virtualUsers })).named("load-generators-1").inputs["name"];
    expect(await nameAt(200)).toBe("fleet-load-generators-1-1x200");
    expect(await nameAt(202)).toBe("fleet-load-generators-1-2x101");
  });

  it("lets nobody in", async () => {
    const groups = (await create()).of("aws:ec2/securityGroup:SecurityGroup");
    expect(groups.map(({ inputs }) => inputs["ingress"])).toEqual([undefined, undefined]);
  });

  it("puts public subnets into different zones and needs no NAT gateway", async () => {
    const ran = await create();
    expect(ran.of("aws:ec2/subnet:Subnet").map(({ inputs }) => [inputs["cidrBlock"], inputs["availabilityZone"], inputs["mapPublicIpOnLaunch"]])).toEqual([
      ["10.0.0.0/17", "eu-west-1a", true], ["10.0.128.0/17", "eu-west-1b", true],
    ]);
    expect(ran.named("load-route-table").inputs["routes"]).toEqual([{ cidrBlock: "0.0.0.0/0", gatewayId: "load-internet-gateway-id" }]);
    expect(ran.named("load-aggregator").inputs["networkConfiguration"]).toMatchObject({ assignPublicIp: true, subnets: ["load-subnet-1-id", "load-subnet-2-id"] });
  });

  it("writes its logs where the execution role may", async () => {
    const ran = await create({ logRetentionDays: 30 });
    expect(ran.of("aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => [inputs["name"], inputs["retentionInDays"]])).toEqual([
      ["/stackfleet/fleet/eu-west-1/aggregator", 30], ["/stackfleet/fleet/eu-west-1/generator", 30],
    ]);
  });

  it("applies transforms last", async () => {
    const ran = await create({ transform: { vpc: (args, opts) => { args.cidrBlock = "10.9.0.0/16"; opts.protect = true; } } });
    expect(ran.named("load-vpc").inputs["cidrBlock"]).toBe("10.9.0.0/16");
    expect(ran.named("load-vpc").options.protect).toBe(true);
  });

  it("reports every fault at once", async () => {
    const faulty = create({ region: "Ireland", virtualUsers: 1.5, port: 0, cidrBlock: "10.0.0.1/16", logRetentionDays: 2, aggregatorSize: { cpuUnits: 1024, memoryMiB: 512 } });
    await expect(faulty).rejects.toThrow([
      'RegionalLoadGenerator "load": region: not a region code; got "Ireland"; expected a code such as eu-west-1; use a code of the AWS region table',
      'RegionalLoadGenerator "load": virtualUsers: not a whole number; got 1.5; expected a whole number from 1 to 50000000; give the region at least one user, or leave the region out',
      'RegionalLoadGenerator "load": port: out of range; got 0; expected a whole number from 1 to 65535; leave it out for 8080',
    ].join("\n"));
    await expect(create({ logRetentionDays: 2, aggregatorSize: { cpuUnits: 1024, memoryMiB: 512 } })).rejects.toThrow(/aggregatorSize\.memoryMiB: .*\n.*logRetentionDays: /);
    await expect(create({ cidrBlock: "10.0.0.1/16" })).rejects.toThrow(/cidrBlock: not the block of a VPC/);
  });

  it.each([[0], [-1], [Number.NaN]])("refuses %d virtual users", async (virtualUsers) => {
    await expect(create({ virtualUsers })).rejects.toThrow(/virtualUsers: /);
  });

  it("refuses more tasks than the network has addresses for", async () => {
    await expect(create({ virtualUsers: 20 * 200, cidrBlock: "10.0.0.0/28", availabilityZoneCount: 1 })).rejects.toThrow(/cidrBlock: has fewer addresses than the 21 tasks/);
  });
});
