import fc from "fast-check";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { endpointsByName, parseEndpoints, splitEndpoints } from "../../../workloads/chunkstore/client";
import { complete } from "../../../workloads/chunkstore/client/completion";
import { Endpoints } from "../../../workloads/chunkstore/client/endpoints";
import { Progress } from "../../../workloads/chunkstore/client/progress";
import { SessionStore, userSessionFile, type Session } from "../../../workloads/chunkstore/client/session";
import { duration, nearest, safe, safeJson, size, table } from "../../../workloads/chunkstore/client/text";
import { quoteWord, splitWords, wordsOf } from "../../../workloads/chunkstore/client/words";
import { faultOf, folder } from "./support";

describe("addresses of controllers", () => {
  it.each([
    ["10.0.0.1", "http://10.0.0.1:8000"], ["host:9000", "http://host:9000"], ["http://host", "http://host:8000"], ["http://host:80", "http://host"], ["https://host/", "https://host"],
    ["[::1]:8000", "http://[::1]:8000"], [" http://HOST:8000/ ", "http://host:8000"],
  ])("read %s as %s", (text, origin) => expect(parseEndpoints([text])).toEqual([origin]));

  it.each(["", " ", "http://", "ftp://x", "http://u:secret@x", "http://x/path", "http://x?y", "x:99999", "a b"])("refuse %j", (text) => {
    expect(() => parseEndpoints([text])).toThrow(/endpoint: not an address/);
  });

  it("name every fault at once, and each address once", () => {
    expect(() => parseEndpoints(["ok", "a/b", "c/d"])).toThrow(/"a\/b", "c\/d"/);
    expect(parseEndpoints(splitEndpoints("a, b\n a:8000,,b"))).toEqual(["http://a:8000", "http://b:8000"]);
  });

  it("come from a network name", async () => {
    const lookup = (name: string) => Promise.resolve(name === "controller" ? [{ address: "10.0.0.2", family: 4 }, { address: "fd00::1", family: 6 }] : []);
    expect(await endpointsByName("controller", lookup)).toEqual(["http://10.0.0.2:8000", "http://[fd00::1]:8000"]);
    expect(await faultOf(endpointsByName("other", lookup))).toMatchObject({ code: "no-controller" });
    expect(await faultOf(endpointsByName("x", () => Promise.reject(new Error("ENOTFOUND"))))).toMatchObject({ code: "no-controller" });
  });

  it("are tried from the last good one on, each once", () => {
    const endpoints = new Endpoints(["a", "b", "c"], "b");
    expect(endpoints.order()).toEqual(["b", "c", "a"]);
    expect(endpoints.orderAfter("c")).toEqual(["a", "b", "c"]);
    expect(new Endpoints(["a", "b"], "gone").order()).toEqual(["a", "b"]);
    expect(() => new Endpoints([])).toThrow(/no controller is named/);
  });
});

/** Any code unit, lone surrogates included. */
const anyUnit = fc.oneof(fc.constantFrom(" ", "'", '"', "\\", "a", "~", "/"), fc.nat(0xffff).map((unit) => String.fromCharCode(unit)));

describe("words", () => {
  it("are read as a shell reads them", () => {
    expect(splitWords(`a  'b c' "d\\"e" f\\ g ''`)).toEqual(["a", "b c", 'd"e', "f g", ""]);
    expect(splitWords("  ")).toEqual([]);
    expect(splitWords("~/x '~/y' a~/z", "/h")).toEqual([path.join("/h", "x"), "~/y", "a~/z"]);
  });

  it.each(["'a", '"a', "a\\"])("refuse an incomplete one: %s", (line) => expect(() => splitWords(line)).toThrow(/incomplete/));

  it("are read back as they were quoted, whatever is in them", () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: anyUnit, maxLength: 12 }), { maxLength: 5 }), (words) => {
      expect(wordsOf(words.map(quoteWord).join(" ")).map(({ value }) => value)).toEqual(words);
    }));
  });

  it("of a line never throw, and lie where they say", () => {
    fc.assert(fc.property(fc.string({ unit: anyUnit }), (line) => {
      for (const { start } of wordsOf(line)) expect(line.slice(start, start + 1)).not.toMatch(/^\s?$/);
    }));
  });
});

describe("completion", () => {
  const entry = (name: string, tags: string[]) => ({ name, size: 1, sha256: "", tags, owner: "", modifiedAt: "", replicas: 1 });
  const source = (cwd = folder()) => ({ commands: ["download", "delete", "ls", "upload"], cwd, files: () => Promise.resolve([entry("data.bin", ["x"]), entry("my file", ["x", "yes"])]) });

  it.each([
    ["d", ["download ", "delete "], "d"], ["", ["download ", "delete ", "ls ", "upload "], ""],
    ["download ", ["data.bin ", "'my file' "], ""], ["download m", ["'my file' "], "m"], ["download 'my f", ["'my file' "], "'my f"], ["download my\\ f", ["'my file' "], "my\\ f"],
    ["ls ", ["x ", "yes "], ""], ["ls x y", ["yes "], "y"], ["delete --", ["--yes "], "--"], ["delete data.bin ", [], ""], ["upload f ", ["x ", "yes "], ""],
  ])("of %j offers %j", async (line, matches, word) => expect(await complete(line, source())).toEqual([matches, word]));

  it("offers files and folders of this machine", async () => {
    const dir = folder();
    fs.mkdirSync(path.join(dir, "a folder"));
    fs.writeFileSync(path.join(dir, "a folder", "file"), "");
    fs.writeFileSync(path.join(dir, "abc"), "");
    expect(await complete("upload a", source(dir))).toEqual([["'a folder/", "abc "], "a"]);
    expect(await complete("upload 'a folder/", source(dir))).toEqual([["'a folder/file' "], "'a folder/"]);
    expect(await complete(`download data.bin ${dir}/ab`, source())).toEqual([[`${path.join(dir, "abc")} `], `${dir}/ab`]);
  });
});

describe("text", () => {
  it("can't steer the terminal", () => {
    expect(safe("a\u001b[2Jb\nc\rd\u202etxt\u2028e\u0007")).toBe("abcdtxte");
    expect(table(["A", "B"], [["x\u001b]0;t\u0007y", "z"]])).toBe("A   B\nxy  z\n");
    expect(safeJson({ a: "\u202e\u2028ü" })).toBe('{"a":"\\u202e\\u2028ü"}');
    expect(JSON.parse(safeJson("\u202e"))).toBe("\u202e");
  });

  it.each([[0, "0 B"], [1023, "1023 B"], [1024, "1.0 KiB"], [1536, "1.5 KiB"], [102_400, "100 KiB"], [1_048_152, "1.0 MiB"], [2 ** 30, "1.0 GiB"], [2 ** 60, "1024 PiB"]])("gives %i bytes as %s", (bytes, text) => expect(size(bytes)).toBe(text));
  it.each([[0, "0:00"], [6.2, "0:07"], [725, "12:05"], [3723, "1:02:03"]])("gives %d seconds as %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it("knows what was probably meant", () => {
    expect(nearest("helo.txt", ["data.bin", "hello.txt"])).toBe("hello.txt");
    expect(nearest("zzz", ["data.bin"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });

  it("aligns wide characters by their columns", () => expect(table(["N", "S"], [["日本", "1"], ["ab", "22"]], [1])).toBe("N     S\n日本  1\nab    22\n"));
});

describe("the progress line", () => {
  const MIB = 2 ** 20;
  const screen = (columns = 80, isTTY = true) => ({ text: "", columns, isTTY, write(text: string) { this.text += text; } });

  it("shows rate and time left after half a second, and is taken away", () => {
    const terminal = screen();
    let now = 0;
    const bar = new Progress("uploading x\u001b[2J", terminal, () => now);
    for (; now <= 1000; now += 50) bar.update((now / 1000) * 10 * MIB, 100 * MIB);
    expect(terminal.text).not.toContain("\u001b[2J");
    expect(terminal.text.split("\r\u001b[K").at(-1)).toBe("uploading x    9%  9.0 MiB of 100 MiB  10.0 MiB/s  0:10 left");
    bar.clear();
    expect(terminal.text.endsWith("\r\u001b[K")).toBe(true);
  });

  it("fits the terminal, and shows nothing without one or for a short transfer", () => {
    const narrow = screen(50);
    let now = 0;
    const bar = new Progress("downloading a-very-long-name-of-a-file", narrow, () => now);
    bar.update(0, MIB);
    now = 900;
    bar.update(MIB / 2, MIB);
    expect(narrow.text.split("\r\u001b[K").every((line) => line.length < 50)).toBe(true);
    const short = screen();
    new Progress("x", short, () => 100).update(1, 2);
    const pipe = screen(80, false);
    const silent = new Progress("x", pipe, () => now);
    now = 5000;
    silent.update(1, 2);
    expect(short.text + pipe.text).toBe("");
  });

  it("starts its rate anew when a transfer begins again", () => {
    const terminal = screen();
    let now = 0;
    const bar = new Progress("x", terminal, () => now);
    for (; now < 2000; now += 100) bar.update(now * 1000, 10 * MIB);
    for (const restart = now; now <= restart + 1000; now += 100) bar.update((now - restart) * 100, 10 * MIB);
    expect(terminal.text.split("\r\u001b[K").at(-1)).toContain("97.7 KiB/s");
  });
});

describe("the session file", () => {
  const session = (more: Partial<Session> = {}): Session => ({ source: "stack:chunkstore", endpoints: ["http://a:8000"], user: "admin", token: "t", expiresAt: "2030-01-01T00:00:00Z", ...more });

  it("is private, and keeps one login for each cluster", () => {
    const file = path.join(folder(), "x", "session.json");
    const store = new SessionStore(file);
    expect(store.find(session())).toBeUndefined();
    store.save(session({ token: "old" }));
    store.save(session({ source: "stack:other", endpoints: ["http://b:8000"], token: "b" }));
    store.save(session({ token: "new" }));
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(store.find({ source: "stack:chunkstore", endpoints: ["http://moved:1"] })?.token).toBe("new");
    expect(store.find({ source: "given", endpoints: ["http://b:8000", "http://c:8000"] })?.token).toBe("b");
    expect(fs.readdirSync(path.dirname(file))).toEqual(["session.json"]);
    expect([store.remove(session()), store.remove(session())]).toEqual([true, false]);
    expect(store.find(session())).toBeUndefined();
  });

  it("gives a token to no other cluster", () => {
    const store = new SessionStore(path.join(folder(), "s.json"));
    store.save(session({ source: "given" }));
    expect(store.find({ source: "given", endpoints: ["http://other:8000"] })).toBeUndefined();
    expect(store.find({ source: "stack:chunkstore", endpoints: [] })).toBeUndefined();
  });

  it.each(["", "{", "[]", '{"version":1,"sessions":[{"token":1}]}', "null"])("counts as empty when it holds %j", (content) => {
    const file = path.join(folder(), "s.json");
    fs.writeFileSync(file, content);
    const store = new SessionStore(file);
    expect(store.find(session())).toBeUndefined();
    store.save(session());
    expect(store.find(session())?.token).toBe("t");
  });

  it("says so when it can't be kept", () => {
    const dir = folder();
    fs.writeFileSync(path.join(dir, "file"), "");
    expect(() => new SessionStore(path.join(dir, "file", "s.json")).save(session())).toThrow(/can't keep the login; got .*: (a part of the path is not a folder|a file is in the way)/);
  });

  it("lies where the XDG specification says", () => {
    expect(userSessionFile({ XDG_CONFIG_HOME: "/x", HOME: "/h" })).toBe("/x/stackfleet/chunks.json");
    expect(userSessionFile({ XDG_CONFIG_HOME: "relative", HOME: "/h" })).toBe("/h/.config/stackfleet/chunks.json");
  });
});
