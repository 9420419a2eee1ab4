/** The version that nodes report: the project's. Written here, because a bundle in an image has no package.json beside it; a test compares the two. */
export const VERSION = "0.1.0";
