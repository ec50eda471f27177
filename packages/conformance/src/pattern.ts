const period = 251;
const bytes = new Uint8Array(65_536 + period).map((_, index) => index % period);

/**
 * `size` bytes that are the same each time and differ by where they stand: a lost or doubled piece changes the rest. Up to
 * 64 KiB it is a view on shared bytes.
 */
export function pattern(size: number, offset = 0): Uint8Array {
  const start = offset % period;
  if (size <= 65_536) return bytes.subarray(start, start + size);
  return new Uint8Array(size).map((_, index) => (start + index) % period);
}
