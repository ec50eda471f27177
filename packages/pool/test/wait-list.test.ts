import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Place, WaitList } from "../src/wait-list.ts";

class Guest {
  place: Place | undefined;
  isCovered = false;
  readonly told: boolean[] = [];

  covered(by: boolean): void {
    this.isCovered = by;
    this.told.push(by);
  }
}

type Act = { readonly do: "push" | "unshift" | "shift" } | { readonly do: "remove" | "cover"; readonly at: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom<Act>({ do: "push" }, { do: "unshift" }, { do: "shift" }),
  fc.record({ do: fc.constantFrom("remove" as const, "cover" as const), at: fc.nat({ max: 8 }) }),
);

describe("a wait list", () => {
  it("is an array whose first places are covered", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const list = new WaitList<Guest>();
        const model: Guest[] = [];
        for (const one of acts) {
          const before = model.filter((guest) => guest.isCovered).length;
          let expected = before;
          if (one.do === "push") {
            const guest = new Guest();
            list.push(guest);
            model.push(guest);
          } else if (one.do === "unshift") {
            const guest = new Guest();
            list.unshift(guest);
            model.unshift(guest);
          } else if (one.do === "cover") {
            list.cover(one.at);
            expected = Math.min(one.at, model.length);
          } else if (one.do === "shift" || one.do === "remove") {
            const at = one.do === "remove" ? one.at % Math.max(1, model.length) : 0;
            const [guest] = model.splice(at, 1);
            if (one.do === "shift") expect(list.shift()).toBe(guest);
            else if (guest !== undefined) list.remove(guest);
            if (guest?.isCovered === true) expected--;
            if (guest !== undefined) expect(guest.place).toBeUndefined();
          }
          expect(list.size).toBe(model.length);
          expect(list.first()).toBe(model[0]);
          expect(list.bare).toBe(model.length - expected);
          expect(model.map((guest) => guest.isCovered)).toEqual(model.map((_, i) => i < expected));
        }
        expect(Array.from({ length: model.length }, () => list.shift())).toEqual(model);
        expect(list.shift()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it("tells a waiter only what changes for it", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const list = new WaitList<Guest>();
        const guests: Guest[] = [];
        for (const one of acts) {
          if (one.do === "push" || one.do === "unshift") {
            const guest = new Guest();
            guests.push(guest);
            list[one.do](guest);
          } else if (one.do === "cover") list.cover(one.at);
          else list.shift();
        }
        for (const { told } of guests) expect(told).toEqual(told.map((_, i) => i % 2 === 0));
      }),
    );
  });

  it("is not disturbed by removing what has left", () => {
    const list = new WaitList<Guest>();
    const [one, two] = [new Guest(), new Guest()];
    list.push(one);
    list.push(two);
    list.remove(one);
    list.remove(one);
    expect(list.size).toBe(1);
    expect(list.first()).toBe(two);
  });
});
