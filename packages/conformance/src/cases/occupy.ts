import type { Transport } from "@holdfast/transport";
import { urlOf, type Fixture } from "../case.ts";

/** An exchange that holds its place until it is told to go. */
export interface Occupant {
  leave(): Promise<void>;
}

/** Starts an exchange that waits at the origin, and resolves when it has arrived there. */
export async function occupy(fixture: Fixture, transport: Transport): Promise<Occupant> {
  const { control } = fixture.origin;
  const id = control.newId();
  const answer = transport.request({ url: urlOf(fixture, "/gate", id) });
  answer.catch(() => {});
  await control.arrival(id);
  return {
    leave: async () => {
      control.release(id);
      await (await answer).body.text();
    },
  };
}
