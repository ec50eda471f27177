/** Settles as `promise` does, or rejects with what `late` makes once `limitMs` have passed. Ends the wait, not the work. */
export async function within<T>(promise: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(late()), limitMs);
  try {
    return await Promise.race([promise, expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
