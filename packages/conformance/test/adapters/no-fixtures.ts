/** One fixture, where there should be an object of them. */
export const fixtures = "to come";
