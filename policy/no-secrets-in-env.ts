/** Policy: secrets reach a Docker container as files, not as variables. */
import { CONTAINER, listOf, type Rule, violation } from "./rule";

/** Names whose values are secrets: `PGPASSWORD`, `API_KEY`, `apiToken`. Not `KEYS`, `MONKEY`, `TOKEN_TTL`, nor `…_FILE`. */
const SECRET_NAMES = [/(password|passwd|passphrase|secret|credentials?)$/i, /(^|_)(token|key)$/i, /[a-z](Token|Key)$/];

export const noSecretsInEnv: Rule = {
  name: "no-secrets-in-env",
  description: "No variable of a Docker container has a name that says that its value is a secret: `docker inspect`, child processes and crash reports show variables.",
  check({ type, props }) {
    if (type !== CONTAINER) return [];
    return listOf(props["envs"]).flatMap((entry, index) => {
      const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(String(entry)) ?? [];
      if (value === "" || !SECRET_NAMES.some((form) => form.test(name))) return [];
      return [violation(`envs[${index}]`, "a secret in a variable", `${name}=…`, `a file, and its path in ${name}_FILE`, "put it there with uploads, permissions 0400")];
    });
  },
};
