import { checkNumber } from "@holdfast/transport";

/** @throws TypeError for a name that is not known. */
export function checkNames(owner: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`${owner} has no option ${name}; there are ${names.join(", ")}`);
  }
}

/**
 * A group of numbers: `given` over `defaults`.
 *
 * @throws TypeError for a name that is not known, and for what is no number of at least 1 (of at least 0 for `zeros`).
 */
export function numbers<T extends object>(
  group: string,
  defaults: Required<T>,
  given: T | undefined,
  zeros: readonly (keyof T)[] = [],
): Required<T> {
  if (given === undefined) return defaults;
  checkNames(group, given, Object.keys(defaults));
  const merged = { ...defaults };
  for (const name of Object.keys(given) as (keyof T)[]) {
    if (given[name] === undefined) continue;
    checkNumber(`${group}.${String(name)}`, given[name], zeros.includes(name) ? 0 : 1);
    merged[name] = given[name];
  }
  return Object.freeze(merged);
}

/**
 * A group of limits, as `numbers` has it; `Infinity` takes one off.
 *
 * @throws TypeError also for one that is no whole number.
 */
export function limitsOf<T extends object>(
  defaults: Required<T>,
  given: T | undefined,
  zeros: readonly (keyof T)[] = [],
): Required<T> {
  const limits = numbers<T>("limits", defaults, given, zeros);
  for (const [name, value] of Object.entries(limits)) {
    if (value !== Infinity && !Number.isSafeInteger(value)) throw new TypeError(`limits.${name} is not a whole number`);
  }
  return limits;
}

/** What a setting of HTTP/2 can say (RFC 9113, 6.5.1). */
export const maxSetting: number = 2 ** 32 - 1;

/** Longer than this a timer of Node cannot wait. */
export const maxTimerMs: number = 2 ** 31 - 1;
