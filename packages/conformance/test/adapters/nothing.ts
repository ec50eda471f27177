/** Exports no function. */
export const adapter = "to come";
