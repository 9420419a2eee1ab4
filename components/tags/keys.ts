/** Keys of the tags that every taggable resource of a fleet carries. */
export const TAG_KEYS = { urnHash: "stackfleet:urn-hash", project: "stackfleet:project", stack: "stackfleet:stack" } as const;
