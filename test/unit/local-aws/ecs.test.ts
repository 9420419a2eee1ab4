import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeEcs, ecsController } from "../../../local/aws/ecs/schedulers";
import type { Properties, ResourceRecord } from "../../../local/model";
import { FakeCloud, refusal, turns } from "./fake";

const [CLUSTER, DEFINITION, SERVICE] = ["aws:ecs/cluster:Cluster", "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"] as const;

const container = (more: object = {}) =>
  JSON.stringify([
    {
      name: "app",
      image: "stackfleet/loadtest:1",
      command: ["generator"],
      environment: [{ name: "PORT", value: "8080" }],
      healthCheck: { command: ["CMD", "node", "healthcheck.js"], interval: 10 },
      ...more,
    },
  ]);

let cloud: FakeCloud;
let subnet: ResourceRecord;
let group: ResourceRecord;

beforeEach(async () => {
  cloud = new FakeCloud();
  const vpc = await cloud.create("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" });
  const gateway = await cloud.create("aws:ec2/internetGateway:InternetGateway", { vpcId: vpc.id });
  subnet = await cloud.create("aws:ec2/subnet:Subnet", { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" });
  const table = await cloud.create("aws:ec2/routeTable:RouteTable", {
    vpcId: vpc.id,
    routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }],
  });
  await cloud.create("aws:ec2/routeTableAssociation:RouteTableAssociation", { routeTableId: table.id, subnetId: subnet.id });
  group = await cloud.create("aws:ec2/securityGroup:SecurityGroup", { vpcId: vpc.id, name: "tasks" });
  await cloud.create(CLUSTER, { name: "fleet" });
});
afterEach(async () => cloud.close());

const define = (more: object = {}) =>
  cloud.create(DEFINITION, {
    family: "generator",
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
    containerDefinitions: container(more),
  });
const serviceInputs = (definition: ResourceRecord, more: Properties = {}): Properties => ({
  name: "generator",
  cluster: "fleet",
  taskDefinition: definition.arn ?? "",
  desiredCount: 3,
  launchType: "FARGATE",
  networkConfiguration: { subnets: [subnet.id], securityGroups: [group.id], assignPublicIp: true },
  waitForSteadyState: true,
  ...more,
});
const running = () => [...cloud.runtime.states.values()].filter((state) => state.status === "running");

/** A steady service. */
async function steady(more: Properties = {}): Promise<ResourceRecord> {
  const { settled } = cloud.begin(SERVICE, serviceInputs(await define(), more));
  await cloud.clock.advance(70);
  return settled;
}

describe("task definitions", () => {
  it("count revisions up, also past ones that are gone", async () => {
    const one = await define();
    expect(one.outputs).toMatchObject({
      revision: 1,
      arnWithoutRevision: "arn:aws:ecs:eu-central-1:123456789012:task-definition/generator",
      arn: "arn:aws:ecs:eu-central-1:123456789012:task-definition/generator:1",
    });
    await cloud.delete(one);
    expect((await define()).outputs["revision"]).toBe(2);
  });

  it("refuse what isn't modelled, sizes that Fargate hasn't, and roles that aren't there", async () => {
    expect(() =>
      cloud.begin(DEFINITION, {
        family: "f",
        networkMode: "awsvpc",
        containerDefinitions: container({ secrets: [{ name: "A", valueFrom: "x" }] }),
      }),
    ).toThrow(/containerDefinitions\[0\]\.secrets/);
    expect(() => cloud.begin(DEFINITION, { family: "f", networkMode: "awsvpc", containerDefinitions: container({ gpu: 1 }) })).toThrow(
      /"gpu" is not modelled.*definition\.ts/,
    );
    expect(() => cloud.begin(DEFINITION, { family: "f", networkMode: "awsvpc", containerDefinitions: "{" })).toThrow(/is not JSON/);
    expect(() =>
      cloud.begin(DEFINITION, { family: "f", networkMode: "awsvpc", cpu: "256", memory: "4096", containerDefinitions: container() }),
    ).toThrow(/memory: no Fargate configuration/);
    expect(
      await refusal(() =>
        cloud.create(DEFINITION, {
          family: "f",
          networkMode: "awsvpc",
          executionRoleArn: "arn:aws:iam::123456789012:role/none",
          containerDefinitions: container(),
        }),
      ),
    ).toBe("ClientException");
  });
});

describe("an ECS service", () => {
  it("starts its tasks within Fargate's launch time and waits until all are healthy", async () => {
    cloud.runtime.healthAtStart = "starting";
    const definition = await define();
    const { record, settled } = cloud.begin(SERVICE, serviceInputs(definition));
    let done = false;
    void settled.then(() => (done = true));
    await cloud.clock.advance(52);
    expect(running()).toHaveLength(0);
    await cloud.clock.advance(11);
    expect(running()).toHaveLength(3);
    expect(done).toBe(false);
    for (const state of running()) cloud.runtime.change(state.spec.id, { health: "healthy" });
    await settled;
    expect(record.id).toBe("arn:aws:ecs:eu-central-1:123456789012:service/fleet/generator");
    const [first] = running();
    expect(first?.spec).toMatchObject({
      command: ["generator"],
      restart: "no",
      region: "eu-central-1",
      healthCheck: { command: ["CMD", "node", "healthcheck.js"], intervalSeconds: 10, retries: 3 },
      labels: { region: "eu-central-1", cluster: "fleet", service: "generator", stack: "home" },
      environment: { PORT: "8080", AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: "http://127.0.0.1:4566" },
    });
    expect(first?.spec.id).toMatch(/^ecs-[0-9a-f]{32}-app$/);
  });

  it("refuses a second service of its name, and references that aren't there", async () => {
    const definition = await define();
    await cloud.create(SERVICE, serviceInputs(definition, { desiredCount: 0 }));
    expect(await refusal(() => cloud.create(SERVICE, serviceInputs(definition)))).toBe("InvalidParameterException");
    expect(await refusal(() => cloud.create(SERVICE, serviceInputs(definition, { name: "b", cluster: "none" })))).toBe(
      "ClusterNotFoundException",
    );
    expect(await refusal(() => cloud.create(SERVICE, serviceInputs(definition, { name: "b", taskDefinition: "none" })))).toBe(
      "ClientException",
    );
    expect(
      await refusal(() =>
        cloud.create(SERVICE, serviceInputs(definition, { name: "b", networkConfiguration: { subnets: ["subnet-none"] } })),
      ),
    ).toBe("InvalidSubnetID.NotFound");
  });

  it("replaces a task that dies or becomes unhealthy", async () => {
    const service = await steady();
    const [one, two] = running();
    await cloud.runtime.kill(one?.spec.id ?? "");
    cloud.runtime.change(two?.spec.id ?? "", { health: "unhealthy" });
    await turns();
    expect(running()).toHaveLength(1);
    await cloud.clock.advance(70);
    expect(running()).toHaveLength(3);
    const reasons = ecsController(cloud)
      .tasks({ serviceArn: service.id })
      .map((task) => task.stoppedReason);
    expect(reasons).toContain("Essential container in task exited (app, exit code 137)");
    expect(reasons).toContain("Task failed container health checks");
  });

  it("follows its desired count up and down", async () => {
    const service = await steady();
    await cloud.update(service, serviceInputs(await define(), { taskDefinition: text(service), desiredCount: 1 }));
    await turns();
    expect(running()).toHaveLength(1);
  });

  it("keeps a count that UpdateService set while the program changes something else", async () => {
    const service = await steady({ waitForSteadyState: false });
    cloud.store.patch(service.key, { desiredCount: 0 });
    ecsController(cloud).reconcile(service.id);
    await turns();
    expect(running()).toHaveLength(0);
    const updated = await cloud.update(
      service,
      serviceInputs(await define(), { taskDefinition: text(service), waitForSteadyState: false, tags: { a: "b" } }),
    );
    expect(updated.outputs["desiredCount"]).toBe(0);
    await cloud.clock.advance(200);
    expect(running()).toHaveLength(0);
  });

  // old old old → (new new new beside them) → new new new
  it("rolls to a new revision without going below its desired count", async () => {
    const service = await steady();
    const next = await define({ command: ["aggregator"] });
    const update = cloud.update(service, serviceInputs(next));
    let fewest = Infinity;
    for (let n = 0; n < 70; n += 1) {
      await cloud.clock.advance(1);
      fewest = Math.min(fewest, running().length);
    }
    await update;
    expect(fewest).toBe(3);
    expect(running().map((state) => state.spec.command)).toEqual([["aggregator"], ["aggregator"], ["aggregator"]]);
  });

  it("gives up in the end, and says why its last task stopped", async () => {
    cloud.runtime.broken.add("stackfleet/loadtest:1");
    const { settled } = cloud.begin(SERVICE, serviceInputs(await define(), { desiredCount: 1 }));
    const failure = settled.then(
      () => "no error",
      (error: unknown) => String(error),
    );
    // At least 180 real seconds, which are 10,800 simulated ones here.
    await cloud.clock.advance(11_000);
    expect(await failure).toMatch(/steady state in time; its last stopped task: CannotPullContainerError/);
  });

  it("tries again ever later while its tasks fail", async () => {
    cloud.runtime.broken.add("stackfleet/loadtest:1");
    const { record } = cloud.begin(SERVICE, serviceInputs(await define(), { desiredCount: 5, waitForSteadyState: false }));
    await cloud.clock.advance(3600);
    const tasks = ecsController(cloud).tasks({ serviceArn: record.id });
    expect(tasks.length).toBeGreaterThan(6);
    expect(tasks.length).toBeLessThan(25);
    cloud.runtime.broken.clear();
    await cloud.clock.advance(2000);
    expect(running()).toHaveLength(5);
  });

  it("fails at once when its circuit breaker trips", async () => {
    cloud.runtime.broken.add("stackfleet/loadtest:1");
    const breaker = { enable: true, rollback: false };
    const { record, settled } = cloud.begin(SERVICE, serviceInputs(await define(), { desiredCount: 2, deploymentCircuitBreaker: breaker }));
    const failure = settled.then(
      () => "no error",
      (error: unknown) => String(error),
    );
    await cloud.clock.advance(500);
    expect(await failure).toMatch(/DeploymentFailed.*circuit breaker.*CannotPullContainerError/);
    expect(ecsController(cloud).tasks({ serviceArn: record.id })).toHaveLength(3);
  });

  it("needs a way to the internet for its image", async () => {
    const inputs = serviceInputs(await define(), { desiredCount: 1, waitForSteadyState: false });
    const { record } = cloud.begin(SERVICE, { ...inputs, networkConfiguration: { subnets: [subnet.id], assignPublicIp: false } });
    await cloud.clock.advance(70);
    expect(ecsController(cloud).lastStop(record.id)).toMatch(/ResourceInitializationError.*no way to the internet/);
  });

  it("takes its running tasks over after a restart of the daemon", async () => {
    const service = await steady();
    const before = running().map((state) => state.spec.id);
    closeEcs(cloud);
    await cloud.model(SERVICE).restore?.(service, cloud);
    await cloud.clock.advance(200);
    expect(running().map((state) => state.spec.id)).toEqual(before);
    expect(ecsController(cloud).isSteady(service)).toBe(true);
  });

  it("leaves no container behind when it is deleted, even while tasks start", async () => {
    const service = await steady();
    await cloud.update(
      service,
      serviceInputs(await define(), { taskDefinition: text(service), desiredCount: 5, waitForSteadyState: false }),
    );
    await cloud.clock.advance(5);
    await cloud.delete(service);
    await cloud.clock.advance(200);
    expect(cloud.runtime.states.size).toBe(0);
    const cluster = cloud.store.list(CLUSTER)[0];
    expect(await refusal(() => cluster && cloud.delete(cluster))).toBe("no error");
  });

  it("holds its cluster, subnets and security groups", async () => {
    await steady();
    const cluster = cloud.store.list(CLUSTER)[0];
    expect(await refusal(() => cluster && cloud.delete(cluster))).toBe("ClusterContainsServicesException");
    expect(await refusal(() => cloud.delete(subnet))).toBe("DependencyViolation");
    expect(await refusal(() => cloud.delete(group))).toBe("DependencyViolation");
  });

  it("is found by its Cloud Map name in its VPC", async () => {
    const vpc = cloud.store.list("aws:ec2/vpc:Vpc")[0];
    const namespace = await cloud.create("aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace", {
      name: "fleet.local",
      vpc: vpc?.id ?? "",
    });
    const registry = await cloud.create("aws:servicediscovery/service:Service", {
      name: "aggregator",
      dnsConfig: { namespaceId: namespace.id, dnsRecords: [{ ttl: 10, type: "A" }] },
    });
    await steady({ serviceRegistries: { registryArn: registry.arn ?? "" } });
    expect(running()[0]?.spec.networks).toEqual([{ name: vpc?.id, aliases: ["aggregator.fleet.local"] }]);
    expect(await refusal(() => cloud.delete(registry))).toBe("ResourceInUse");
    expect(await refusal(() => cloud.delete(namespace))).toBe("ResourceInUse");
  });
});

function text(service: ResourceRecord): string {
  return String(service.outputs["taskDefinition"]);
}
