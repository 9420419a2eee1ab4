/** The parts of a URN: `urn:pulumi:<stack>::<project>::<parent types$type>::<name>`. */

export interface UrnParts { readonly stack: string; readonly project: string; readonly type: string; readonly name: string }

/** @throws {Error} for anything else */
export function parseUrn(urn: string): UrnParts {
  const match = /^urn:pulumi:(.*?)::(.*?)::(.*?)::(.*)$/s.exec(urn);
  const [, stack, project, qualified, name] = match ?? [];
  if (stack === undefined || project === undefined || qualified === undefined || name === undefined) {
    throw new Error(`malformed URN; got ${JSON.stringify(urn)}; expected urn:pulumi:<stack>::<project>::<type>::<name>`);
  }
  return { stack, project, type: qualified.slice(qualified.lastIndexOf("$") + 1), name };
}
