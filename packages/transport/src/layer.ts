import { isTransport, type Transport } from "./transport.ts";

/** Wraps a transport in behaviour. It must forward what it does not change: {@link wrap} does that for it. */
export type Layer = (next: Transport) => Transport;

/**
 * Composes layers and the transport that they stand on. The request travels left to right: the first layer sees it first.
 *
 * @throws TypeError if the last part is not a transport or another one is not a layer.
 */
export function stack(...parts: [...layers: Layer[], transport: Transport]): Transport {
  const transport: unknown = parts.at(-1);
  if (!isTransport(transport))
    throw new TypeError("the last part of a stack is the transport that carries the requests");
  const layers = parts.slice(0, -1) as unknown[];
  return layers.reduceRight<Transport>((next, layer, index) => {
    if (typeof layer !== "function") throw new TypeError(`part ${index + 1} of the stack is not a layer`);
    const result: unknown = (layer as Layer)(next);
    if (!isTransport(result))
      throw new TypeError(`the layer at part ${index + 1} of the stack did not return a transport`);
    return result;
  }, transport);
}

/**
 * A transport that forwards everything to `next` except what is given. Disposing it closes it by its own `close()`.
 * With `capabilities` or `protocol` overridden, its brand says the same.
 */
export function wrap(next: Transport, overrides: Partial<Transport>): Transport {
  const { "~holdfast": brand, protocol = next.protocol, capabilities = next.capabilities } = overrides;
  const wrapped: Transport = {
    "~holdfast": brand ?? { ...next["~holdfast"], protocol, capabilities },
    protocol,
    capabilities,
    request: overrides.request ?? ((request) => next.request(request)),
    open: overrides.open ?? ((request) => next.open(request)),
    warm: overrides.warm ?? ((origin, options) => next.warm(origin, options)),
    stats: overrides.stats ?? (() => next.stats()),
    close: overrides.close ?? ((options) => next.close(options)),
    destroy: overrides.destroy ?? ((reason) => next.destroy(reason)),
    [Symbol.asyncDispose]: overrides[Symbol.asyncDispose] ?? (() => wrapped.close()),
  };
  return wrapped;
}
