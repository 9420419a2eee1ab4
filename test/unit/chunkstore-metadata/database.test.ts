import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MetadataDatabaseError, openMetadataDatabase, openRecordStore, type MetadataLog, type MetadataStore } from "../../../workloads/chunkstore/metadata";
import { fileState } from "./support";

const time = { now: () => 1_000 };
let dir = "";
let file = "";
let warn = vi.fn<MetadataLog["warn"]>();
const log: MetadataLog = { debug: () => undefined, info: () => undefined, warn: (fields, message) => warn(fields, message) };
const open = (): MetadataStore => openRecordStore({ database: file, nodeId: "a", time, log });

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "metadata-"));
  file = path.join(dir, "metadata.db");
  warn = vi.fn();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function fill(count: number): void {
  const store = open();
  for (let index = 0; index < count; index += 1) store.write(`file-${index}`, fileState(String(index)));
  store.close();
}

describe("the metadata database", { timeout: 60_000 }, () => {
  it("keeps what was written, with every commit on disk", () => {
    const database = openMetadataDatabase(file);
    expect(database.db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(database.db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    database.close();
    fill(3);
    const store = open();
    expect(store.counts.files).toBe(3);
    store.close();
    expect(warn).not.toHaveBeenCalled();
  });
  it("holds tables of others, whose transactions fail as a whole", () => {
    const database = openMetadataDatabase(file);
    database.db.exec("CREATE TABLE IF NOT EXISTS chunk_locations (upload TEXT) STRICT");
    expect(() => database.transaction(() => {
      database.db.exec("INSERT INTO chunk_locations VALUES ('x')");
      throw new Error("no");
    })).toThrow("no");
    expect(database.db.prepare("SELECT count(*) AS n FROM chunk_locations").get()).toEqual({ n: 0 });
    database.close();
  });
  it.each([
    ["is no database", () => writeFileSync(file, "this is not a database, and long enough to be looked at".repeat(100))],
    ["has pages of noise", () => {
      const bytes = readFileSync(file);
      bytes.fill(0x5a, 4_096, bytes.length - 4_096);
      writeFileSync(file, bytes);
    }],
    ["has an index that doesn't fit its table", () => {
      // A name in a leaf page of an index (type 10, https://www.sqlite.org/fileformat.html#b_tree_pages) is another than in the table.
      const bytes = readFileSync(file);
      for (let start = 4_096; start < bytes.length; start += 4_096) {
        const at = bytes.subarray(start, start + 4_096).indexOf("file-15");
        if (bytes[start] === 10 && at >= 0) bytes[start + at + 6] = "x".charCodeAt(0);
      }
      writeFileSync(file, bytes);
    }],
    ["lacks its table", () => {
      const db = new DatabaseSync(file);
      db.exec("DROP TABLE files");
      db.close();
    }],
  ])("is set aside with a warning when the file %s, and again the next time", (_, damage) => {
    for (let round = 0; round < 2; round += 1) {
      fill(200);
      damage();
      const store = open();
      expect(store.counts.files).toBe(0);
      store.write("n", fileState("1"));
      store.close();
      expect(warn).toHaveBeenCalledTimes(round + 1);
      expect(existsSync(`${file}.damaged`)).toBe(true);
      rmSync(file);
    }
  });
  it("drops records that are not what was written, with a warning", () => {
    fill(3);
    const db = new DatabaseSync(file);
    db.exec("UPDATE files SET body = replace(body, 'ada', 'eve') WHERE name = 'file-1'");
    db.close();
    const store = open();
    expect(store.all().map(({ name }) => name)).toEqual(["file-0", "file-2"]);
    expect(warn).toHaveBeenCalledTimes(1);
    store.close();
  });
  it("of another version of the program is left alone", () => {
    fill(1);
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(open).toThrow(MetadataDatabaseError);
    expect(existsSync(`${file}.damaged`)).toBe(false);
  });
  it("in a folder that isn't there is an error, not an empty database", () => {
    file = path.join(dir, "missing", "metadata.db");
    expect(open).toThrow();
  });
});
