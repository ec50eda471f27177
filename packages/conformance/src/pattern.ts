const period = 251;
const wholePeriods = Math.floor(65_536 / period) * period;
const bytes = new Uint8Array(65_536 + period).map((_, index) => index % period);

/**
 * `size` bytes that are the same each time and differ by where they stand: a lost or doubled piece changes the rest. Up to
 * 64 KiB it is a view on shared bytes.
 */
export function pattern(size: number, offset = 0): Uint8Array {
  const start = offset % period;
  if (size <= 65_536) return bytes.subarray(start, start + size);
  const made = new Uint8Array(size);
  for (let at = 0; at < size; at += wholePeriods)
    made.set(bytes.subarray(start, start + Math.min(wholePeriods, size - at)), at);
  return made;
}
