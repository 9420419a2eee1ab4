/** The JSON schema of the config files that are JSON, for editors; `schema/fleet.schema.json` is its output. */
import { z } from "zod";
import { METRICS_STORE_REGIONS } from "./regions";
import { constellationSchema, fleetSchema, programSchema } from "./schema";

/** A fleet declaration or a Constellation file, draft 2020-12. */
export function fleetJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(z.union([constellationSchema, fleetSchema]), {
    target: "draft-2020-12", io: "input", unrepresentable: "any",
    override: ({ zodSchema, jsonSchema, path }) => {
      if (zodSchema === programSchema) Object.assign(jsonSchema, { type: "string", minLength: 1 });
      if (path.at(-1) === "HOME_REGION") Object.assign(jsonSchema, { enum: [...METRICS_STORE_REGIONS] });
    },
  });
  return { title: "stackfleet config", ...schema };
}
