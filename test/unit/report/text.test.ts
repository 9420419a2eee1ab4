import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guarded, type Renderer } from "../../../automation/render";
import { cell, cleanLine, cleanText, clock, columnsOf, fit, shortType } from "../../../automation/render/text";

describe("cleanText", () => {
  it("removes what could steer a terminal and keeps what can be read", () => {
    expect(cleanText("\u001b[31mred\u001b[0m \u001b]0;title\u0007<{%fg 1%}>x<{%reset%}> \u202eevil\u0000\ta\r\nb")).toBe("red x evil  a\nb");
  });

  it("leaves no control character in any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(cleanLine(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }));
  });
});

describe("cell", () => {
  it("takes exactly the columns it is given, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
      expect(columnsOf(cell(cleanLine(text), columns))).toBe(columns);
    }));
  });

  it("never splits a wide character", () => {
    expect(fit("監視監視", 4)).toBe("監…");
    expect(fit("監視", 4)).toBe("監視");
  });
});

describe("words for people", () => {
  it("are short", () => {
    expect([7, 65, 3725.9].map(clock)).toEqual(["0:07", "1:05", "1:02:05"]);
    expect(["aws:ecs/service:Service", "docker:index/container:Container", "pulumi:providers:aws"].map(shortType)).toEqual(["ecs:Service", "docker:Container", "providers:aws"]);
  });
});

describe("a guarded renderer", () => {
  const failing = (error: Error): Renderer => ({ event: () => { throw error; }, finish: () => Promise.reject(error), close: () => { throw error; } });

  it("throws never and tells of its failure once", async () => {
    const told: unknown[] = [];
    const error = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const renderer = guarded(failing(error), (failure) => told.push(failure));
    renderer.event(undefined as never, undefined as never);
    renderer.event(undefined as never, undefined as never);
    await renderer.finish(undefined as never);
    renderer.close();
    expect(told).toEqual([error]);
  });

  it("catches a failure that comes at the end only", async () => {
    const told: unknown[] = [];
    await guarded({ ...failing(new Error("late")), event: () => undefined }, (failure) => told.push(failure)).finish(undefined as never);
    expect(told).toHaveLength(1);
  });
});
