import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elapsed, lastLine, messageOf } from "../../../automation/toolchain/text";
import { compatible, parseVersion } from "../../../automation/toolchain/versions";

describe("versions", () => {
  it.each([
    ["v3.220.0\n", "3.220.0"], ["3.230.1", "3.230.1"], ["v3.221.0-alpha.1+ab", "3.221.0"], ["v3.220.0\nwarning: new version", "3.220.0"],
  ])("reads %j as %s", (text, version) => expect(parseVersion(text)).toBe(version));

  it.each(["", "pulumi", "v3.220", "error v3.220.0", "v3.220.0.1"])("finds no version in %j", (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it.each(["3.220.0", "3.220.1", "3.221.0", "3.1000.0"])("accepts %s", (version) => expect(compatible(version)).toBe(true));
  it.each(["3.219.99", "2.300.0", "4.0.0", "0.0.0"])("refuses %s", (version) => expect(compatible(version)).toBe(false));

  it("accepts every version between two that it accepts", () => {
    const version = fc.tuple(fc.nat(5), fc.nat(500), fc.nat(50));
    fc.assert(fc.property(version, version, version, (...versions) => {
      const [low, middle, high] = versions.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]).map((parts) => compatible(parts.join(".")));
      return !(low && high) || middle;
    }));
  });
});

describe("texts of one line", () => {
  it("keep to one line and a readable length", () => {
    const message = messageOf(new Error(`a\n  b${"x".repeat(1000)}`));
    expect(message).toMatch(/^a bx+…$/);
    expect(message).toHaveLength(300);
  });
  it("take a tool's last line", () => expect(lastLine("go: downloading\nno space left on device\n\n")).toBe("no space left on device"));
  it.each([[400, "0 s"], [59_499, "59 s"], [125_000, "2 min 5 s"]])("say %d ms as %s", (ms, text) => expect(elapsed(ms)).toBe(text));
});
