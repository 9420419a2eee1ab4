import { describe, expect, it } from "vitest";
import { confinedContainers } from "../../../policy/confined-containers";
import { noPublicPorts } from "../../../policy/no-public-ports";
import { noSecretsInEnv } from "../../../policy/no-secrets-in-env";
import type { Rule, RuleConfig } from "../../../policy/rule";

const CONFINED = { memory: 256, capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges:true"] };
const on = (rule: Rule) => (props: Record<string, unknown>, config?: RuleConfig, type = "docker:index/container:Container"): readonly string[] => rule.check({ type, urn: "urn", props }, config);

describe("confined-containers", () => {
  const check = on(confinedContainers);

  it("accepts a container with limits and without rights, or with those that it names", () => {
    expect(check(CONFINED)).toEqual([]);
    expect(check({ ...CONFINED, capabilities: { drops: ["CAP_ALL"], adds: ["NET_BIND_SERVICE"] }, securityOpts: ["no-new-privileges"], networkMode: "bridge" })).toEqual([]);
    expect(check({ ...CONFINED, capabilities: { drops: ["all"] }, securityOpts: ["no-new-privileges=true", "seccomp=profile.json"] })).toEqual([]);
  });

  it("names everything that a bare container lacks", () => {
    expect(check({})).toEqual([
      "memory: no limit; got nothing; expected MiB that the container may take; set it, so that a leak takes this container and not the machine",
      'capabilities.drops: keeps Docker\'s default capabilities; got []; expected ["ALL"]; drop all, and name those that are needed in capabilities.adds',
      "securityOpts: programs may gain rights by setuid files; got []; expected no-new-privileges:true among them; add it",
    ]);
  });

  it.each([
    ["privileged", { privileged: true }], ["memory", { memory: 0 }], ["capabilities.drops", { capabilities: { drops: ["NET_RAW"] } }],
    ["securityOpts", { securityOpts: ["no-new-privileges:false"] }], ["securityOpts", { securityOpts: ["no-new-privileges:true", "seccomp=unconfined"] }],
    ["networkMode", { networkMode: "host" }], ["pidMode", { pidMode: "host" }],
  ])("refuses %s in %o", (path, changes) => {
    expect(check({ ...CONFINED, ...changes })).toEqual([expect.stringMatching(new RegExp(`^${path}: `))]);
  });

  it("asks nothing of other types", () => {
    expect(check({}, undefined, "docker:index/network:Network")).toEqual([]);
  });
});

describe("no-public-ports", () => {
  const check = on(noPublicPorts);

  it("accepts no ports, and loopback addresses", () => {
    expect(check({})).toEqual([]);
    expect(check({ ports: [{ internal: 80, external: 8080, ip: "127.0.0.1" }, { internal: 80, ip: "127.9.9.9" }, { internal: 80, ip: "::1" }] })).toEqual([]);
  });

  it("refuses addresses that others reach, which is also what Docker takes without one", () => {
    const violations = check({ ports: [{ internal: 80, ip: "127.0.0.1" }, { internal: 81 }, { internal: 82, ip: "0.0.0.0" }, { internal: 83, ip: "::" }, { internal: 84, ip: "127.evil.example" }] });
    expect(violations.map((text) => text.split(":")[0])).toEqual(["ports[1].ip", "ports[2].ip", "ports[3].ip", "ports[4].ip"]);
    expect(check({ publishAllPorts: true })).toHaveLength(1);
  });

  it("accepts addresses that its configuration names, and only those", () => {
    const ports = [{ internal: 80, ip: "10.0.0.5" }, { internal: 81, ip: "10.0.0.6" }, { internal: 82 }];
    expect(check({ ports }, { addresses: ["10.0.0.5"] }).map((text) => text.split(":")[0])).toEqual(["ports[1].ip", "ports[2].ip"]);
  });
});

describe("no-secrets-in-env", () => {
  const check = on(noSecretsInEnv);

  it.each(["PASSWORD", "DB_PASSWORD", "PGPASSWORD", "API_KEY", "apiToken", "Token", "AWS_SECRET", "CREDENTIALS"])("refuses %s, and shows no value", (name) => {
    const violations = check({ envs: ["A=1", `${name}=hunter2`] });
    expect(violations).toEqual([`envs[1]: a secret in a variable; got "${name}=…"; expected a file, and its path in ${name}_FILE; put it there with uploads, permissions 0400`]);
  });

  it.each(["DB_PASSWORD_FILE=/run/secrets/db", "TOKEN_TTL=60", "KEYS=a", "MONKEY=1", "PASSWORD=", "PASSWORD", "CLUSTER_KEY_FILE=/run/x"])("accepts %s", (entry) => {
    expect(check({ envs: [entry] })).toEqual([]);
  });
});
