import { factsOf, momentsOf } from "@holdfast/dial";
import {
  leastMessageBytes,
  muxDriver,
  muxSubprotocol,
  type OpenedPipe,
  type PipeDial,
  socketPipe,
} from "@holdfast/exchange";
import type { Driver } from "@holdfast/pool";
import type { Target } from "@holdfast/transport";
import { openSocket, type Upgrade } from "./open-socket.ts";
import type { ParsedWebSocketOptions } from "./options.ts";
import { type PatientDial, patientDial } from "./patient-dial.ts";
import { Reconnects } from "./reconnects.ts";

/** How the pool makes sockets that carry exchanges. */
export function webSocketDriver(options: ParsedWebSocketOptions): Driver {
  const dial = socketDialler(options, {
    path: options.path,
    headers: options.headers,
    subprotocols: [muxSubprotocol],
    text: false,
    leastMessageBytes,
  });
  return muxDriver(
    { protocol: "websocket", idPrefix: "ws", dial: (target, timeoutMs) => pipeDial(dial(target, timeoutMs)) },
    options.mux,
  );
}

/** Dials with one upgrade, each dial after a wait if those before it failed. */
export function socketDialler(
  options: ParsedWebSocketOptions,
  upgrade: Upgrade,
): (target: Target, timeoutMs: number) => PatientDial {
  const reconnects = new Reconnects(options.reconnect);
  return (target, timeoutMs) =>
    patientDial(target, timeoutMs, reconnects, (to, leftMs) => openSocket(to, upgrade, leftMs, options));
}

function pipeDial(dial: PatientDial): PipeDial {
  return {
    get phase() {
      return dial.phase;
    },
    opened: dial.opened.then(({ socket, dialled, use }): OpenedPipe => ({
      pipe: socketPipe(socket, dialled.socket),
      times: momentsOf(dialled),
      facts: factsOf(dialled),
      use,
    })),
    cancel: (reason) => dial.cancel(reason),
  };
}
