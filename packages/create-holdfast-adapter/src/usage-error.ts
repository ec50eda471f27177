/** What the user asked for cannot be done. The message is one sentence for them. */
export class UsageError extends Error {}
