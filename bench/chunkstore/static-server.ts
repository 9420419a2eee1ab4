/** A plain static file server, the least that Node needs for one: what cached reads are compared with. */
import { createReadStream, promises as fs } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";

const folder = process.argv[2] ?? ".";

const server = createServer((request, response) => {
  const file = path.join(folder, path.basename(request.url ?? ""));
  fs.stat(file).then(({ size }) => {
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size });
    createReadStream(file).pipe(response);
  }, () => response.writeHead(404).end());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
