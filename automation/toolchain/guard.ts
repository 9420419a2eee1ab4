/**
 * Program of its own: runs one command and ends with it, and ends the whole process group as soon as the parent is gone
 * (its end of stdin closes), so that no killed driver leaves a compiler or a download behind. Started `detached`, it is the
 * group's leader, and everything below it is a member.
 */
import { spawn } from "node:child_process";

const [command = "", ...args] = process.argv.slice(2);

process.stdin.on("close", () => process.kill(-process.pid, "SIGKILL"));
process.stdin.resume();

const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
child.once("error", (error) => {
  process.stderr.write(`${error.message}\n`, () => process.exit(127));
});
child.once("exit", (code) => process.exit(code ?? 1));
