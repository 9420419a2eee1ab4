import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { awsPackage } from "../../../local/aws/index";
import { dockerPackage } from "../../../local/docker/index";
import { FAULT_KINDS } from "../../../local/protocol";

const text = fs.readFileSync(path.join(__dirname, "..", "..", "..", "docs", "local-cloud.md"), "utf8");

describe("docs/local-cloud.md", () => {
  it("lists exactly the types and functions that are modelled", () => {
    const listed = [...text.matchAll(/`((?:aws|docker):\w+\/\w+:\w+)`/g)].map((match) => match[1]);
    expect([...new Set(listed)].sort()).toEqual([awsPackage, dockerPackage].flatMap(({ resources, functions }) => [...resources.map(({ type }) => type), ...functions.map(({ token }) => token)]).sort());
  });

  it("explains every kind of fault", () => {
    for (const kind of FAULT_KINDS) expect(text).toMatch(new RegExp(`^\\| .*\`${kind}\`.* \\|`, "m"));
  });
});
