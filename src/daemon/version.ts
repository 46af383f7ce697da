declare const RIVULET_VERSION: string;

/** Is the version of the program; the build puts it in. */
export const version = typeof RIVULET_VERSION === "string" ? RIVULET_VERSION : "development";
