/** `2,000` */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 byte`, `2,000 bytes` */
export function amount(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** `0.5` with one digit; `-` for what was not measured. */
export function decimal(value: number | null | undefined, digits: number): string {
  return value === undefined || value === null
    ? "-"
    : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Three digits that count; a table has no room for more. */
export function milliseconds(value: number | null | undefined): string {
  return decimal(value, typeof value !== "number" || value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Bytes of head per request: a digit behind the point where it counts. */
export function headBytes(value: number | undefined): string {
  if (value === undefined) return "-";
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 99.95 ? 1 : 0 });
}
