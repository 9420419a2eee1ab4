/** What the drills read of the Docker Engine API's answers (API reference v1.44); everything else is ignored. */
import { z } from "zod";

export const refusalSchema = z.object({ message: z.string() });

export const versionSchema = z.object({ ApiVersion: z.string(), Version: z.string() });

export const containerSummarySchema = z.object({
  Id: z.string(),
  Names: z.array(z.string()),
  State: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
});

export const endpointSchema = z.object({
  NetworkID: z.string().optional(),
  IPAddress: z.string(),
  Aliases: z.array(z.string()).nullish(),
});

export const containerSchema = z.object({
  Id: z.string(),
  /** With a leading slash. */
  Name: z.string(),
  RestartCount: z.number().optional(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    ExitCode: z.number().optional(),
    StartedAt: z.string().optional(),
    Health: z.object({ Status: z.string() }).nullish(),
  }),
  Config: z.object({ Hostname: z.string().optional(), Env: z.array(z.string()).nullish(), Labels: z.record(z.string(), z.string()).nullish() }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpointSchema) }),
});
export type Container = z.infer<typeof containerSchema>;

export const networkSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Attachable: z.boolean().optional(),
  Labels: z.record(z.string(), z.string()).nullish(),
});
export type Network = z.infer<typeof networkSchema>;

export const createdNetworkSchema = z.object({ Id: z.string() });
