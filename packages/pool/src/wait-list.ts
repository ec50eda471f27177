/** What waits in a list. It learns when a dial is under way for it, because then it waits for that and not for a lease. */
export interface Waiter {
  place: Place | undefined;
  covered(by: boolean): void;
}

/** A place in a {@link WaitList}. */
export interface Place {
  readonly waiter: Waiter;
  readonly list: { remove(waiter: Waiter): void };
  before: Place | undefined;
  after: Place | undefined;
  covered: boolean;
}

/**
 * First in, first out; leaving from anywhere costs the same. The first `cover(n)` waiters are covered by dials under way.
 */
export class WaitList<W extends Waiter> {
  size = 0;
  #first: Place | undefined;
  #last: Place | undefined;
  #covered = 0;
  /** The first that is not covered. */
  #bare: Place | undefined;

  /** How many wait for a lease, with no dial under way for them. */
  get bare(): number {
    return this.size - this.#covered;
  }

  first(): W | undefined {
    return this.#first?.waiter as W | undefined;
  }

  /** The first for which no dial is under way. */
  firstBare(): W | undefined {
    return this.#bare?.waiter as W | undefined;
  }

  /** The first of which `is` is true. */
  find(is: (waiter: W) => boolean): W | undefined {
    let place = this.#first;
    while (place !== undefined && !is(place.waiter as W)) place = place.after;
    return place?.waiter as W | undefined;
  }

  push(waiter: W): void {
    const place: Place = { waiter, list: this, before: this.#last, after: undefined, covered: false };
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#bare ??= place;
    waiter.place = place;
    this.size++;
  }

  /** To the head: it was there before all the others. */
  unshift(waiter: W): void {
    const place: Place = { waiter, list: this, before: undefined, after: this.#first, covered: false };
    if (this.#first === undefined) this.#last = place;
    else this.#first.before = place;
    this.#first = place;
    waiter.place = place;
    this.size++;
    if (this.#covered === 0) {
      this.#bare = place;
      return;
    }
    // Covered places are a prefix: the new one takes over from the last of them.
    const lastCovered = this.#bare === undefined ? this.#last : this.#bare.before;
    this.#set(place, true);
    if (lastCovered !== undefined) {
      this.#set(lastCovered, false);
      this.#bare = lastCovered;
    }
  }

  shift(): W | undefined {
    const waiter = this.first();
    if (waiter !== undefined) this.remove(waiter);
    return waiter;
  }

  remove(waiter: Waiter): void {
    const place = waiter.place;
    if (place === undefined) return;
    waiter.place = undefined;
    if (place === this.#bare) this.#bare = place.after;
    if (place.covered) this.#covered--;
    if (place.before === undefined) this.#first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
    this.size--;
  }

  /** Lets the first `count` waiters be covered, telling those for whom that changes. */
  cover(count: number): void {
    while (this.#covered < count && this.#bare !== undefined) {
      const place = this.#bare;
      this.#bare = place.after;
      this.#covered++;
      this.#set(place, true);
    }
    while (this.#covered > count) {
      const place: Place | undefined = this.#bare === undefined ? this.#last : this.#bare.before;
      if (place === undefined) return;
      this.#bare = place;
      this.#covered--;
      this.#set(place, false);
    }
  }

  #set(place: Place, covered: boolean): void {
    place.covered = covered;
    place.waiter.covered(covered);
  }
}
