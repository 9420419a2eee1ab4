import { describe, expect, it } from "vitest";
import { checkInputs, type CheckRequest } from "../../../local/provider/check";
import { configurationFaults, readConfiguration } from "../../../local/provider/configuration";
import { DEFAULTS_KEY, UNKNOWN, type WireProperties } from "../../../providers/wire/properties";
import { parseUrn } from "../../../local/core/urn";
import { chainPackage } from "../../support/chain";

const [model] = chainPackage().resources;
const SIGNATURE = "4dabf18193072939515e22adb298388d";

function check(news: WireProperties, overrides: Partial<CheckRequest> = {}) {
  if (!model) throw new Error("no model");
  return checkInputs({ model, name: "link", scope: { region: "eu-west-1", account: "000000000000" }, olds: {}, news, randomSeed: new Uint8Array([1]), defaultTags: {}, ...overrides });
}

describe("the physical name", () => {
  it("is the logical one, a dash and seven hex digits, the same for the same seed", () => {
    const one = check({});
    expect(one.inputs["name"]).toMatch(/^link-[0-9a-f]{7}$/);
    expect(check({}).inputs["name"]).toBe(one.inputs["name"]);
    expect(check({}, { randomSeed: new Uint8Array([2]) }).inputs["name"]).not.toBe(one.inputs["name"]);
    expect(one.inputs[DEFAULTS_KEY]).toEqual(["name"]);
  });

  it("is kept when there is one, and the program's when it gives one", () => {
    expect(check({}, { olds: { name: "link-0000000" } }).inputs["name"]).toBe("link-0000000");
    expect(check({ name: "mine" }, { olds: { name: "link-0000000" } }).inputs).toMatchObject({ name: "mine", [DEFAULTS_KEY]: [] });
    expect(check({ name: UNKNOWN }).inputs["name"]).toBe(UNKNOWN);
  });

  it("follows the project's automatic naming", () => {
    const name = (mode: "propose" | "enforce" | "disable") => check({}, { autonaming: { mode, proposedName: "proposed" } });
    expect(name("propose").inputs["name"]).toBe("proposed");
    expect(name("enforce").inputs["name"]).toBe("proposed");
    expect(name("disable").faults[0]).toEqual({ property: "name", reason: "automatic naming is switched off in this project; give a name" });
  });

  it("is refused when it would be too long", () => {
    expect(check({}, { name: "x".repeat(33) }).faults[0]?.reason).toContain("got 41 characters; expected at most 40");
    expect(check({}, { name: "x".repeat(32) }).faults).toEqual([]);
  });
});

describe("check", () => {
  it("reports every fault at once", () => {
    expect(check({ size: "big", colour: "red", tags: { a: 1 } }).faults.map(({ property }) => property).sort()).toEqual(["colour", "size", "tags.a"]);
    expect(check({ colour: "red" }).faults).toEqual([{ property: "colour", reason: `argument "colour" is not modelled by the local cloud; extend test/support/chain.ts` }]);
  });

  it("does not miss what is only unknown yet", () => {
    expect(check({ size: UNKNOWN, tags: { a: UNKNOWN } }).faults).toEqual([]);
    expect(check({ size: UNKNOWN, zone: 5 }).faults.map(({ property }) => property)).toEqual(["zone"]);
  });

  it("gives secrets and unknowns back as they came", () => {
    const password = { [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value: "x" };
    expect(check({ password, size: UNKNOWN }).inputs).toMatchObject({ password, size: UNKNOWN });
  });

  it("refuses relative asset paths, which mean another folder here", () => {
    const asset = { [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17", hash: "h", path: "./file" };
    expect(check({ zone: asset }).faults.map(({ reason }) => reason)).toContainEqual(expect.stringContaining(`relative asset path; got "./file"`));
  });
});

describe("the provider's configuration", () => {
  it("needs a region, unless it is not known yet", () => {
    expect(configurationFaults({}, () => false)[0]?.reason).toContain("missing region");
    expect(configurationFaults({}, (key) => key === "region")).toEqual([]);
    expect(() => readConfiguration({})).toThrow("missing region");
  });

  it("reads account and default tags", () => {
    expect(readConfiguration({ region: "eu-west-1" })).toEqual({ region: "eu-west-1", account: "000000000000", defaultTags: {} });
    expect(readConfiguration({ region: "x", accessKey: "LKIA111122223333", defaultTags: `{"tags":{"team":"a"}}` })).toMatchObject({ account: "111122223333", defaultTags: { team: "a" } });
    expect(readConfiguration({ region: "x", assumeRoles: `[{"roleArn":"arn:aws:iam::444455556666:role/r"}]` }).account).toBe("444455556666");
  });

  it("refuses settings that would change behaviour, and accounts that are not allowed", () => {
    expect(configurationFaults({ region: "x", ignoreTags: "{}" }, () => false)[0]?.reason).toContain(`provider setting "ignoreTags" is not modelled`);
    expect(configurationFaults({ region: "x", allowedAccountIds: `["123456789012"]` }, () => false)[0]?.reason).toContain("got 000000000000; expected one of 123456789012");
  });
});

describe("a URN", () => {
  it("is taken apart, with the innermost type", () => {
    expect(parseUrn("urn:pulumi:prod::proj::my:comp:C$aws:ec2/vpc:Vpc::a::b")).toEqual({ stack: "prod", project: "proj", type: "aws:ec2/vpc:Vpc", name: "a::b" });
    expect(() => parseUrn("urn:nothing")).toThrow("malformed URN");
  });
});
