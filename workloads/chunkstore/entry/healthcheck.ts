/** What a container's health check runs, `node healthcheck.js`: exits 0 when `/health` answers 200. Only `net`, for a quick start. */
import { connect } from "node:net";
import { CLIENT_PORT } from "../contract/settings";

/** Gives up sooner than a health check's usual time-out of 5 s. */
const TIMEOUT_MS = 3_000;

const socket = connect({ host: "127.0.0.1", port: CLIENT_PORT });
function end(code: number, reason: string): void {
  if (code !== 0) process.stdout.write(`${reason}\n`);
  process.exitCode = code;
  socket.destroy();
}
socket.setTimeout(TIMEOUT_MS, () => end(1, `no answer after ${TIMEOUT_MS} ms`));
socket.on("error", (error) => end(1, error.message));
socket.on("connect", () => socket.write("GET /health HTTP/1.0\r\n\r\n"));
socket.once("data", (data) => {
  const status = data.toString("latin1").split("\r\n")[0] ?? "";
  end(/^HTTP\/1\.[01] 200 /.test(status) ? 0 : 1, status);
});
