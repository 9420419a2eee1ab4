import { describe, expect, it } from "vitest";
import { awsFunctions } from "../../../local/aws/functions/index";
import type { CloudContext, Properties } from "../../../local/model";

const scope = { region: "eu-central-1", account: "123456789012", signal: new AbortController().signal };

function invoke(token: string, args: Properties = {}, where = scope): Promise<Properties> {
  const found = awsFunctions.find((fn) => fn.token === token);
  if (!found) throw new Error(`no function ${token}`);
  // None of the functions touches the cloud.
  return found.invoke(args, where, {} as CloudContext);
}

describe("the AWS functions", () => {
  it("tell account, region, partition and zones", async () => {
    expect(await invoke("aws:index/getCallerIdentity:getCallerIdentity")).toMatchObject({ accountId: "123456789012" });
    expect(await invoke("aws:index/getRegion:getRegion")).toMatchObject({
      region: "eu-central-1",
      name: "eu-central-1",
      description: "Europe (Frankfurt)",
      endpoint: "ec2.eu-central-1.amazonaws.com",
    });
    expect(await invoke("aws:index/getPartition:getPartition", {}, { ...scope, region: "cn-north-1" })).toMatchObject({
      partition: "aws-cn",
      dnsSuffix: "amazonaws.com.cn",
      reverseDnsPrefix: "cn.com.amazonaws",
    });
    expect(await invoke("aws:index/getAvailabilityZones:getAvailabilityZones", { state: "available" })).toMatchObject({
      names: ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
      zoneIds: ["euc1-az1", "euc1-az2", "euc1-az3"],
    });
    await expect(invoke("aws:index/getRegion:getRegion", { region: "nowhere" })).rejects.toThrow("nowhere");
  });

  it("list enabled regions only, and all when asked", async () => {
    const enabled = await invoke("aws:index/getRegions:getRegions");
    expect(enabled["names"]).toContain("us-east-1");
    expect(enabled["names"]).not.toContain("af-south-1");
    expect((await invoke("aws:index/getRegions:getRegions", { allRegions: true }))["names"]).toContain("af-south-1");
    expect(
      (
        await invoke("aws:index/getRegions:getRegions", {
          allRegions: true,
          filters: [{ name: "opt-in-status", values: ["not-opted-in"] }],
        })
      )["names"],
    ).not.toContain("us-east-1");
  });

  it("refuse arguments that aren't modelled", async () => {
    await expect(
      invoke("aws:index/getAvailabilityZones:getAvailabilityZones", { filters: [{ name: "group-name", values: ["x"] }] }),
    ).rejects.toThrow("not modelled");
  });

  it("render policy documents, one value as text and several as a list", async () => {
    const { json, minifiedJson } = await invoke("aws:iam/getPolicyDocument:getPolicyDocument", {
      statements: [
        {
          sid: "Read",
          actions: ["s3:GetObject"],
          resources: ["arn:aws:s3:::b/*"],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: ["1"] }],
        },
        {
          effect: "Deny",
          actions: ["s3:PutObject", "s3:DeleteObject"],
          resources: ["*"],
          principals: [{ type: "AWS", identifiers: ["arn:aws:iam::1:root"] }],
        },
        { actions: ["sts:AssumeRole"], principals: [{ type: "*", identifiers: ["*"] }] },
      ],
    });
    expect(JSON.parse(String(json))).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Read",
          Effect: "Allow",
          Action: "s3:GetObject",
          Resource: "arn:aws:s3:::b/*",
          Condition: { StringEquals: { "aws:SourceAccount": "1" } },
        },
        { Effect: "Deny", Action: ["s3:PutObject", "s3:DeleteObject"], Resource: "*", Principal: { AWS: "arn:aws:iam::1:root" } },
        { Effect: "Allow", Action: "sts:AssumeRole", Principal: "*" },
      ],
    });
    expect(JSON.parse(String(minifiedJson))).toEqual(JSON.parse(String(json)));
  });

  it("merge documents: sources first, overrides by Sid", async () => {
    const source = JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "A", Effect: "Allow", Action: "a:*", Resource: "*" }] });
    const over = JSON.stringify({ Statement: { Sid: "A", Effect: "Deny", Action: "a:*", Resource: "*" } });
    const { json } = await invoke("aws:iam/getPolicyDocument:getPolicyDocument", {
      sourcePolicyDocuments: [source],
      overridePolicyDocuments: [over],
      statements: [{ sid: "B", actions: ["b:X"], resources: ["*"] }],
    });
    const { Statement } = JSON.parse(String(json)) as { Statement: { Sid: string; Effect: string }[] };
    expect(Statement.map(({ Sid, Effect }) => `${Sid} ${Effect}`)).toEqual(["A Deny", "B Allow"]);
    await expect(
      invoke("aws:iam/getPolicyDocument:getPolicyDocument", { sourcePolicyDocuments: [source], statements: [{ sid: "A" }] }),
    ).rejects.toThrow("duplicate Sid");
  });
});
