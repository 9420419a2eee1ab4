/**
 * Program of its own: installs the official Pulumi release into the folder of its first argument and prints the version.
 * A process apart, because the SDK's installer can't be stopped from within, and loading it takes 140 MB.
 */
import { PulumiCommand } from "@pulumi/pulumi/automation";

PulumiCommand.install({ root: process.argv[2] }).then(
  (command) => { process.stdout.write(`${command.version?.toString() ?? ""}\n`); },
  (error: unknown) => {
    process.stderr.write(`${(error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ")}\n`);
    process.exitCode = 1;
  },
);
