/** The naive way, as a process to measure: `Promise.all` over the stock Automation API with inline programs. */
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { program } from "./five";

async function main([operation, region, ...stacks]: readonly string[]): Promise<void> {
  if (region === undefined) throw new Error("usage: naive up|destroy REGION STACK…");
  await Promise.all(stacks.map(async (stackName) => {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName, projectName: "bench", program });
    await stack.setConfig("aws:region", { value: region });
    await (operation === "destroy" ? stack.destroy() : stack.up());
  }));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
