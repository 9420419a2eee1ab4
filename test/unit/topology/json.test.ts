/** JSON as people write it: faults come with their place. */
import { describe, expect, it } from "vitest";
import { FleetError } from "../../../automation/errors";
import { parseJson } from "../../../automation/topology/json";

function faultsOf(text: string): readonly string[] {
  try {
    parseJson(text, "load.json");
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    expect(error.message).toMatch(/^load\.json: \d+ faults?$/);
    return error.options.details ?? [];
  }
  return [];
}

describe("parseJson", () => {
  it("reads what JSON.parse reads", () => {
    const text = '{ "a": [1, 2.5e3, "\\u00e9", null, true], "b": {} }';
    expect(parseJson(text, "load.json")).toEqual(JSON.parse(text));
  });

  it.each<[string, string, string]>([
    ["a trailing comma", '{\n  "a": 1,\n}', 'line 3, column 1: no key where one must be; got "}"; expected a key between double quotes; remove the comma before it, or quote the key'],
    ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: no comma between two entries; got "\\"b\\""; expected a comma; add it'],
    ["a comment", '{\n  // users\n  "a": 1\n}', 'line 2, column 3: a comment, which JSON doesn\'t have; got "// users"; expected JSON without comments; remove the comment'],
    ["single quotes", "{ 'a': 1 }", `line 1, column 3: not a JSON value; got "'a'"; expected a string, number, true, false, null, list or object; put text between double quotes`],
    ["an unquoted key", "{ a: 1 }", 'line 1, column 3: not a JSON value; got "a"; expected a string, number, true, false, null, list or object; put text between double quotes'],
    ["a string that doesn't end", '{ "a": "x\n}', 'line 1, column 8: a string that doesn\'t end; got "\\"x"; expected a closing double quote on the same line; add it'],
    ["an end too early", '{ "a": [1, 2', 'line 1, column 13: a list that doesn\'t end; got "the end of the line"; expected a closing ]; add it'],
    ["text after the end", "{} {}", 'line 1, column 4: text after the end of the value; got "{"; expected one JSON value; remove what follows it'],
    ["an empty file", "", 'line 1, column 1: no value where one must be; got "the end of the line"; expected a value; add the value, or remove the comma before it'],
  ])("gives line and column of %s", (_, text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });

  it("refuses repeated keys, at any depth, with both places", () => {
    expect(faultsOf('{\n  "R": {\n    "eu-west-1": 5,\n    "eu-west-1": 7\n  },\n  "L": [{ "a": 1, "a": 1 }],\n  "R": {}\n}')).toEqual([
      'R.eu-west-1: key given twice; got "line 4, column 5, and line 3"; expected each key once; remove one of them',
      'L[0].a: key given twice; got "line 6, column 19, and line 6"; expected each key once; remove one of them',
      'R: key given twice; got "line 7, column 3, and line 2"; expected each key once; remove one of them',
    ]);
  });

  it("counts lines of files from Windows alike", () => {
    expect(faultsOf('{\r\n  "a": 1,\r\n}')[0]).toMatch(/^line 3, column 1: /);
  });
});
