/** How many of these spans cover one moment at most. Sorts both lists in place; a span that begins as another ends does not meet it. */
export function maxOverlap(starts: number[], ends: number[]): number {
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  let ended = 0;
  let most = 0;
  for (const [index, start] of starts.entries()) {
    while ((ends[ended] ?? Infinity) <= start) ended += 1;
    most = Math.max(most, index + 1 - ended);
  }
  return most;
}
