/**
 * Header fields by lower-case name. Several values of one name are an array, in the order of the wire;
 * `set-cookie` is always an array, because its values cannot be joined (RFC 9110, 5.3).
 * Objects that we return have no prototype, so a field named `constructor` or `__proto__` is only a field.
 */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** Fields of nobody: what trailers are when the peer sent none. */
export const noFields: Fields = Object.freeze({ __proto__: null } as unknown as Record<string, string>);

/** Collects name-value pairs as they came off the wire. Names are lower-cased, repeated names gather their values. */
export function toFields(pairs: Iterable<readonly [name: string, value: string]>): Fields {
  const fields = { __proto__: null } as unknown as Record<string, string | string[]>;
  for (const [name, value] of pairs) addField(fields, name.toLowerCase(), value);
  return fields;
}

/** Every value of a field, none if it is absent. */
export function fieldValues(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** A field as one string, its values joined by a comma (RFC 9110, 5.3); undefined if it is absent. Not for `set-cookie`. */
export function fieldText(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return value === undefined || typeof value === "string" ? value : value.join(", ");
}

function addField(fields: Record<string, string | string[]>, name: string, value: string): void {
  const present = fields[name];
  if (present === undefined) fields[name] = name === "set-cookie" ? [value] : value;
  else if (typeof present === "string") fields[name] = [present, value];
  else present.push(value);
}
