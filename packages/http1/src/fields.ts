import type { Fields } from "@holdfast/transport";

/** undici's headers as ours: no prototype, and `set-cookie` always an array. The names are in lower case already. */
export function toResponseFields(headers: Readonly<Record<string, string | string[] | undefined>>): Fields {
  const fields = { __proto__: null } as unknown as Record<string, string | readonly string[]>;
  for (const name in headers) {
    const value = headers[name] as string | string[];
    fields[name] = name === "set-cookie" && typeof value === "string" ? [value] : value;
  }
  return fields;
}
