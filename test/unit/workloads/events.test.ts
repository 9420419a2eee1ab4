import { describe, expect, it } from "vitest";
import { InvalidEvent, parseEvent } from "../../../workloads/loadtest/events";
import { readSettings, text, wholeNumber } from "../../../workloads/loadtest/settings";

const CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/c";
const SERVICE = "arn:aws:ecs:eu-west-1:123456789012:service/c/s";

describe("parseEvent", () => {
  it.each([
    { action: "agg-record", region: "ap-northeast-3" },
    { action: "test-init" },
    { action: "test-end", region: "eu-west-1", clusterArn: CLUSTER, serviceArn: SERVICE },
    { action: "test-end", region: "eu-west-1", clusterArn: CLUSTER },
    { action: "test-reset", regions: ["us-gov-west-1", "eu-west-1"] },
  ])("takes $action", (event) => {
    expect(parseEvent(event)).toEqual(event);
  });

  it.each([
    ["no object", 7, /expected object/],
    ["nothing", undefined, /event: /],
    ["an unknown action", { action: "stop" }, /action: unknown; got "stop"; expected agg-record, test-init, test-end or test-reset/],
    ["no region", { action: "agg-record" }, /region: .*expected string.*; got nothing/],
    ["a region that is none", { action: "agg-record", region: "EU west" }, /region: not a region code; got "EU west"/],
    ["no regions", { action: "test-reset", regions: [] }, /regions: .*; got \[\]/],
    ["one bad region of two", { action: "test-reset", regions: ["eu-west-1", 3] }, /regions\.1: .*; got 3/],
    ["a cluster elsewhere", { action: "test-end", region: "us-east-2", clusterArn: CLUSTER }, /region: differs from the ARN's; got "us-east-2"/],
  ])("refuses %s and says what is wrong", (_, event, message) => {
    expect(() => parseEvent(event)).toThrow(InvalidEvent);
    expect(() => parseEvent(event)).toThrow(message);
  });

  it("reports all faults at once", () => {
    expect(() => parseEvent({ action: "test-end", region: 1, clusterArn: "x", serviceArn: "y" })).toThrow(/region: .*clusterArn: .*serviceArn: /);
  });
});

describe("readSettings", () => {
  const settings = { name: text("NAME"), port: wholeNumber("PORT", { default: 8080, min: 0, max: 65_535 }), users: wholeNumber("VIRTUAL_USERS", { min: 1 }) };

  it("reads values and defaults; an empty variable is not set", () => {
    expect(readSettings({ NAME: "a", PORT: "", VIRTUAL_USERS: "194" }, settings)).toEqual({ name: "a", port: 8080, users: 194 });
  });

  it.each(["0", "-1", "1.5", "1e3", " 5", "abc"])("refuses %j virtual users", (value) => {
    expect(() => readSettings({ NAME: "a", VIRTUAL_USERS: value }, settings)).toThrow(`VIRTUAL_USERS: out of range; got "${value}"; expected a whole number from 1`);
  });

  it("reports all faults at once", () => {
    expect(() => readSettings({ PORT: "70000" }, settings)).toThrow(/NAME: is missing.*PORT: out of range; got "70000"; expected a whole number from 0 to 65535.*VIRTUAL_USERS: is missing/);
  });
});
