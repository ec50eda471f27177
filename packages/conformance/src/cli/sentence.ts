/** What an error says; anything can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first line of a text, ended as a sentence. */
export function sentence(text: string): string {
  const [line = ""] = text.trim().split("\n");
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
