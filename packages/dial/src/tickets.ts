/** TLS sessions by origin; the least recently used goes when there are too many. Owned by one dialler. */
export interface Tickets {
  get(origin: string): Buffer | undefined;
  set(origin: string, ticket: Buffer): void;
  delete(origin: string): void;
}

export function tickets(maxOrigins: number): Tickets {
  const kept = new Map<string, Buffer>();
  const set = (origin: string, ticket: Buffer): void => {
    kept.delete(origin);
    kept.set(origin, ticket);
    const [oldest] = kept.keys();
    if (kept.size > maxOrigins && oldest !== undefined) kept.delete(oldest);
  };
  return {
    get: (origin) => {
      const ticket = kept.get(origin);
      if (ticket !== undefined) set(origin, ticket);
      return ticket;
    },
    set,
    delete: (origin) => void kept.delete(origin),
  };
}
