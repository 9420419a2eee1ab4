import { describe, expect, it } from "vitest";
import { world } from "./support";

const HELP = [["--help"], ["up", "--help"], ["preview", "--help"], ["refresh", "--help"], ["destroy", "--help"], ["status", "--help"], ["graph", "--help"], ["outputs", "--help"], ["env", "--help"],
  ["reset", "--help"], ["local", "--help"], ["local", "start", "--help"], ["local", "ledger", "--help"], ["local", "logs", "--help"], ["local", "fault", "--help"], ["local", "fault", "add", "--help"],
  ["chunks", "--help"], ["chunks", "login", "--help"], ["chunks", "upload", "--help"], ["chunks", "download", "--help"], ["drill", "--help"]];

describe("help", () => {
  it("of every command reads well", async () => {
    const texts = await Promise.all(HELP.map(async (argv) => {
      const { code, stdout, stderr } = await world().run(argv);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return `$ stackfleet ${argv.join(" ")}\n${stdout}`;
    }));
    await expect(texts.join("\n")).toMatchFileSnapshot("../../golden/expected/help.txt");
  });

  it("is the answer to no command at all, which is wrong usage", async () => {
    const { code, stdout, stderr } = await world().run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: stackfleet/);
  });
});

const WRONG = [["upp"], ["frobnicate"], ["up", "--paralel", "3"], ["up", "--parallel", "0"], ["up", "--parallel", "1.5"], ["up", "--parallel"], ["up", "--output", "xml"], ["up", "--target", "moon"], ["up", "--removed"],
  ["status", "now"], ["status", "--output", "tty"], ["graph", "--output", "dot"], ["local", "stat"], ["local", "logs"], ["local", "start", "--time-scale", "-1"], ["local", "fault", "add", "--kind", "fail"],
  ["local", "fault", "add", "--type", "aws:ec2/vpc:Vpc", "--kind", "explode"], ["local", "fault", "add", "--type", "aws:ec2/vpc:Vpc", "--kind", "fail", "--nth", "0"],
  ["chunks", "lss"], ["chunks", "upload"], ["chunks", "ls", "--output", "xml"], ["chunks", "download", "a", "b", "c"]];

describe("wrong usage", () => {
  it("exits 2 with one line that names what to do", async () => {
    const lines = await Promise.all(WRONG.map(async (argv) => {
      const { code, stdout, stderr } = await world().run(argv);
      expect({ argv, code, stdout, lines: stderr.split("\n").length }).toEqual({ argv, code: 2, stdout: "", lines: 2 });
      return `$ stackfleet ${argv.join(" ")}\n${stderr}`;
    }));
    await expect(lines.join("\n")).toMatchFileSnapshot("../../golden/expected/usage.txt");
  });
});
