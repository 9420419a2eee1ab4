import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHUNK_BYTES } from "../../../workloads/chunkstore/contract/record";
import { ApiClient, codeOf } from "../../support/chunk-api";
import { content, sha256, startChunkCluster, until, type ChunkCluster } from "../../support/chunk-cluster";

describe("a cluster of three controllers and five chunkservers", { timeout: 120_000 }, () => {
  let cluster: ChunkCluster;
  beforeAll(async () => { cluster = await startChunkCluster(); }, 120_000);
  afterAll(async () => cluster.close(), 60_000);

  it.each([0, 1, 1_000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17])("stores and gives back a file of %i bytes, at every controller at once", async (size) => {
    const data = content(size, `size ${size}`);
    const entry = await (await cluster.api(0)).upload(`size-${size}`, data, "?tag=b&tag=a");
    expect(entry).toMatchObject({ name: `size-${size}`, size, sha256: sha256(data), tags: ["a", "b"], owner: "ada" });
    expect(entry.replicas).toBeGreaterThanOrEqual(2);
    for (const controller of [0, 1, 2]) {
      const answer = await (await cluster.api(controller)).get(`size-${size}`);
      expect([answer.status, answer.headers["x-content-sha256"], sha256(answer.body)]).toEqual([200, sha256(data), sha256(data)]);
    }
  });

  it("brings every chunk to every chunkserver", async () => {
    await cluster.repaired(5);
    const { chunks } = await (await cluster.api(1)).locations(`size-${3 * CHUNK_BYTES + 17}`);
    expect(chunks.map(({ index, chunkservers }) => [index, chunkservers])).toEqual([0, 1, 2, 3].map((index) => [index, cluster.chunkservers.map(({ id }) => id)]));
  });

  it("gives parts of a file, and says when they lie outside or the file was changed", async () => {
    const api = await cluster.api(2);
    const name = `size-${CHUNK_BYTES + 1}`;
    const data = content(CHUNK_BYTES + 1, name.replace("-", " "));
    const part = await api.get(name, { range: `bytes=${CHUNK_BYTES - 3}-` });
    expect([part.status, part.headers["content-range"], part.body]).toEqual([206, `bytes ${CHUNK_BYTES - 3}-${CHUNK_BYTES}/${CHUNK_BYTES + 1}`, data.subarray(CHUNK_BYTES - 3)]);
    const etag = String(part.headers["etag"]);
    expect((await api.get(name, { range: "bytes=0-0", "if-match": etag })).body).toEqual(data.subarray(0, 1));
    expect((await api.get(name, { range: "bytes=0-0", "if-range": etag })).status).toBe(206);
    for (const validator of ['"another"', `W/${etag}`, String(part.headers["last-modified"])]) {
      const whole = await api.get(name, { range: `bytes=${CHUNK_BYTES + 1}-`, "if-range": validator });
      expect([whole.status, whole.headers["content-range"], whole.body.length]).toEqual([200, undefined, CHUNK_BYTES + 1]);
      expect((await api.send("HEAD", `/v1/files/${name}`, { headers: { range: "bytes=0-0", "if-range": validator } })).headers["content-length"]).toBe(String(CHUNK_BYTES + 1));
    }
    const outside = await api.get(name, { range: `bytes=${CHUNK_BYTES + 1}-` });
    expect([outside.status, codeOf(outside), outside.headers["content-range"]]).toEqual([416, "range-not-satisfiable", `bytes */${CHUNK_BYTES + 1}`]);
    const changed = await api.get(name, { "if-match": '"another"' });
    expect([changed.status, codeOf(changed)]).toEqual([412, "file-changed"]);
    const head = await api.send("HEAD", `/v1/files/${name}`);
    expect([head.status, head.headers["content-length"], head.headers["etag"], head.body.length]).toEqual([200, String(CHUNK_BYTES + 1), etag, 0]);
  });

  it("lists files by tag, deletes them everywhere, and removes their chunks", async () => {
    const [first, second] = [await cluster.api(0), await cluster.api(1)];
    const { chunks: before } = await first.cluster();
    await first.upload("to-delete", content(10_000), "?tag=temporary");
    await cluster.converged();
    expect((await second.list("?tag=temporary")).map(({ name }) => name)).toEqual(["to-delete"]);
    const { upload } = await first.locations("to-delete");
    expect((await second.remove("to-delete")).status).toBe(200);
    expect((await second.get("to-delete")).status).toBe(404);
    expect((await second.remove("to-delete")).status).toBe(404);
    await cluster.converged();
    expect((await first.get("to-delete")).status).toBe(404);
    expect(await first.list("?tag=temporary")).toEqual([]);
    await until(async () => (await first.cluster()).chunkservers.every(({ chunks }) => chunks === before), 30_000, `chunks of ${upload} are still there`);
  });

  it("serves sixteen clients at once", async () => {
    const names = Array.from({ length: 16 }, (_, index) => `parallel-${index}`);
    await Promise.all(names.map(async (name, index) => (await cluster.api(index % 3)).upload(name, content(300_000 + index, name))));
    const read = await Promise.all(names.map(async (name, index) => (await cluster.api((index + 1) % 3)).download(name)));
    expect(read.map(sha256)).toEqual(names.map((name, index) => sha256(content(300_000 + index, name))));
  });

  it("keeps one of many concurrent writes of a name, the same at every controller", async () => {
    const versions = Array.from({ length: 9 }, (_, index) => content(1_000, `version ${index}`));
    await Promise.all(versions.map(async (data, index) => (await cluster.api(index % 3)).upload("contended", data)));
    await cluster.converged();
    const read = await Promise.all([0, 1, 2].map(async (controller) => sha256(await (await cluster.api(controller)).download("contended"))));
    expect(new Set(read).size).toBe(1);
    expect(versions.map(sha256)).toContain(read[0]);
  });

  it("refuses what it can't keep, and nothing of it is visible", async () => {
    const api = await cluster.api(0);
    const mismatch = await api.put("refused", content(100_000), { "x-content-sha256": "0".repeat(64) });
    expect([mismatch.status, codeOf(mismatch)]).toEqual([422, "checksum-mismatch"]);
    const chunked = await api.send("PUT", "/v1/files/refused", { body: Readable.from([content(10)]) });
    expect([chunked.status, codeOf(chunked)]).toEqual([411, "length-required"]);
    const large = await api.send("PUT", "/v1/files/refused", { headers: { "content-length": String(300 * 1024 ** 3), expect: "100-continue" }, body: null }).catch((error: unknown) => error);
    expect(large).toBeDefined();
    expect((await api.put("refused", content(10), { "x-content-sha256": "nonsense" })).status).toBe(400);
    expect((await api.put("refused", content(10), {}, "?tag=%00")).status).toBe(400);
    expect((await api.get("refused")).status).toBe(404);
    expect((await api.list()).map(({ name }) => name)).not.toContain("refused");
  });

  it.each([
    ["..", "invalid-name"], ["%2e%2e%2f", "invalid-name"], ["..%2Fetc%2Fpasswd", "invalid-name"], ["a%00b", "invalid-name"], ["a%0ab", "invalid-name"], ["%5c", "invalid-name"], ["a%2Fb", "invalid-name"],
    ["%ff", "invalid-request"], ["%zz", "invalid-request"], ["", "invalid-name"], ["x".repeat(256), "invalid-name"], ["%252e%252e", undefined],
  ])("takes the name %j for what it is", async (encoded, code) => {
    const api = await cluster.api(0);
    // Straight into the request line: a URL parser would tidy it up.
    const answer = await rawRequest(api, "GET", `/v1/files/${encoded}`);
    expect([answer.status, answer.code]).toEqual(code === undefined ? [404, "file-not-found"] : [400, code]);
  });

  it("answers every refusal in JSON: unknown routes, wrong methods, bodies that are none", async () => {
    const api = await cluster.api(0);
    expect(codeOf(await api.send("GET", "/nowhere"))).toBe("route-not-found");
    const patch = await api.send("PATCH", "/v1/files/a", { body: "x" });
    expect([patch.status, patch.headers["allow"], codeOf(patch)]).toEqual([405, "GET, HEAD, PUT, DELETE", "invalid-request"]);
    for (const body of ["", "{", "[]", '{"user":1}', '{"__proto__":{}}', "x".repeat(20_000)]) {
      const answer = await api.send("POST", "/v1/login", { body, headers: { "content-type": "application/json" } });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(codeOf(answer)).toBe("invalid-request");
    }
    expect(codeOf(await api.send("POST", "/v1/login", { body: "user=ada", headers: { "content-type": "text/plain" } }))).toBe("invalid-request");
  });

  it("lets nobody in without a token, nor with a forged one", async () => {
    const { url } = await cluster.api(0);
    const paths = [["GET", "/v1/files"], ["GET", "/v1/files/a"], ["HEAD", "/v1/files/a"], ["PUT", "/v1/files/a"], ["DELETE", "/v1/files/a"], ["GET", "/v1/files/a/locations"], ["GET", "/v1/cluster"]] as const;
    for (const token of [undefined, "", "x", "a.b", "eyJ1c2VyIjoiYWRhIn0.AAAA"]) {
      const stranger = new ApiClient(url, token);
      for (const [method, path] of paths) {
        const answer = await stranger.send(method, path, method === "PUT" ? { body: content(100_000), headers: { "content-length": "100000" } } : {});
        expect(answer.status, `${method} ${path} ${token ?? ""}`).toBe(401);
        if (method !== "HEAD") expect(["unauthenticated", "token-invalid"]).toContain(codeOf(answer));
      }
      await stranger.close();
    }
  });

  it("gives the same answer to a wrong password and an unknown user, and slows guessing down", async () => {
    const open = new ApiClient((await cluster.api(1)).url, undefined);
    const login = async (user: string, password: string) => open.send("POST", "/v1/login", { body: JSON.stringify({ user, password }), headers: { "content-type": "application/json" } });
    const [wrong, unknown] = [await login("ada", "wrong"), await login("nobody", "wrong")];
    expect([wrong.status, wrong.body.toString()]).toEqual([401, unknown.body.toString()]);
    let last = wrong;
    for (let attempt = 0; attempt < 5; attempt += 1) last = await login("ada", `guess ${attempt}`);
    expect([last.status, codeOf(last)]).toEqual([429, "too-many-requests"]);
    expect(Number(last.headers["retry-after"])).toBeGreaterThan(0);
    expect((await login("bob", cluster.passwords.bob)).status).toBe(200);
    await open.close();
  });

  it("tells its health and its figures", async () => {
    const open = new ApiClient((await cluster.api(0)).url, undefined);
    expect(await open.json("/health")).toMatchObject({ status: "ok", role: "controller", nodeId: "controller-0", controllers: 3, chunkservers: 5, reasons: [] });
    const text = (await open.send("GET", "/metrics")).body.toString();
    for (const name of ["controllers_alive", "chunkservers_alive", "under_replicated_chunks", "uploads_total", "downloads_total", "read_failovers_total", "conflicts_total", "gossip_round_seconds", "anti_entropy_round_seconds", "repair_cycle_seconds", "logins_total", "chunk_cache_reads_total"]) expect(text).toContain(`chunkstore_${name}`);
    for (const path of ["/health", "/metrics"]) {
      const head = await open.send("HEAD", path);
      expect([head.status, head.body.length, Number(head.headers["content-length"]) > 0]).toEqual([200, 0, true]);
      expect((await open.send("DELETE", path)).headers["allow"]).toBe("GET, HEAD");
    }
    expect(/chunkstore_chunkservers_alive\{[^}]*\} 5/.test(text)).toBe(true);
    await open.close();
  });
});

async function rawRequest({ url, token }: ApiClient, method: string, path: string): Promise<{ status: number; code: string }> {
  const { request } = await import("node:http");
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, method, path, headers: { authorization: `Bearer ${token ?? ""}` } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => { text += piece; }).on("end", () => resolve({ status: response.statusCode ?? 0, code: (JSON.parse(text) as { error: { code: string } }).error.code }));
    }).on("error", reject).end();
  });
}
