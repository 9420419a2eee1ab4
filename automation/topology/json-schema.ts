/** The JSON schema of the config files that are JSON, for editors; `schema/fleet.schema.json` is its output. */
import { z } from "zod";
import { constellationSchema, fleetSchema } from "./schema";

/** A fleet declaration or a Constellation file, draft 2020-12. */
export function fleetJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(z.union([constellationSchema, fleetSchema]), { target: "draft-2020-12", io: "input", unrepresentable: "any" });
  return { title: "stackfleet config", ...schema };
}
