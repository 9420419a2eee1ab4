/** Version of the package `aerospikecloud`: of its schema, its SDK and its provider. */
export const VERSION = "0.1.0";
