import {
  isTransportError,
  type Phase,
  type Protocol,
  restateError,
  type Target,
  TransportError,
  type TransportErrorFacts,
} from "@holdfast/transport";
import type { Failure } from "./driver.ts";
import type { Exchange } from "./exchange.ts";

/** What of an exchange says which limit it had. */
type LimitedExchange = Pick<Exchange, "request" | "timeouts" | "deadlineMs" | "deadlineAt">;

/** The failures that the pool itself finds. Each names the option that set the limit. */

export function queueFull(origin: string, maxQueued: number): Failure {
  return {
    code: "QUEUE_FULL",
    message: `${maxQueued} exchanges are waiting for ${origin} already (maxQueued)`,
    phase: "queue",
  };
}

export function closed(cause?: unknown): Failure {
  return { code: "CLOSED", message: "the transport is closed", ...(cause === undefined ? {} : { cause }) };
}

export function aborted(reason: unknown): Failure {
  return { code: "ABORTED", message: "the caller gave up", cause: reason };
}

/** Something that the caller gave with its request failed: its body, or a function of it. */
export function callerFailed(what: string, cause: unknown, phase?: Phase): Failure {
  return {
    code: "ABORTED",
    message: `the ${what} of the request failed`,
    cause,
    ...(phase === undefined ? {} : { phase }),
  };
}

/** The limit that is over at `now`: the deadline, or the timeout of the phase; `dialError` is what it waited behind. */
export function timeLimit(
  exchange: LimitedExchange,
  phase: Phase,
  now: number,
  dialError: TransportError | undefined,
): Failure {
  const failure = now >= exchange.deadlineAt ? deadlineExceeded(exchange, phase) : phaseTimeout(exchange, phase);
  if (dialError === undefined) return failure;
  return { ...failure, message: `${failure.message}; the last dial failed: ${dialError.message}`, cause: dialError };
}

/** 408 on a connection that was kept. */
export const closedIdle: Failure = Object.freeze({
  code: "CONNECTION_LOST",
  message: "the server had closed the connection as idle (408)",
});

export function deadlineExceeded({ request, deadlineMs }: LimitedExchange, phase: Phase): Failure {
  const { origin } = request.target;
  return {
    code: "DEADLINE_EXCEEDED",
    message: `the exchange with ${origin} was not done within ${deadlineMs} ms (deadlineMs), phase ${phase}`,
  };
}

/** The timeout of the phase that the exchange is in. */
export function phaseTimeout({ request, timeouts }: LimitedExchange, phase: Phase): Failure {
  const { origin } = request.target;
  switch (phase) {
    case "queue":
      return {
        code: "QUEUE_TIMEOUT",
        message: `no lease for ${origin} within ${timeouts.queueMs} ms (timeouts.queueMs)`,
      };
    case "resolve":
    case "connect":
    case "secure":
      return {
        code: "CONNECT_TIMEOUT",
        message: `no connection to ${origin} within ${timeouts.connectMs} ms (timeouts.connectMs)`,
      };
    case "head":
      return {
        code: "HEAD_TIMEOUT",
        message: `no response head from ${origin} within ${timeouts.headMs} ms (timeouts.headMs)`,
      };
    default: {
      const what = phase === "send" ? "took no byte of the request body" : "sent no byte of the response body";
      return { code: "BODY_TIMEOUT", message: `${origin} ${what} for ${timeouts.bodyGapMs} ms (timeouts.bodyGapMs)` };
    }
  }
}

export function noRoom(option: "maxConnections" | "maxTotalConnections", max: number): Failure {
  return {
    code: "LIMIT_EXCEEDED",
    message: `all ${max} connections are in use (${option})`,
    phase: "queue",
  };
}

// ---- a failure as its caller hears of it

/** What of an exchange goes into its error. */
type FailedExchange = Pick<Exchange, "request" | "delivery" | "startedAt" | "protocol" | "connection" | "index">;

type KnownFacts = Pick<TransportErrorFacts, "delivery" | "attempt" | "elapsedMs" | "attempts">;

export function errorOf(
  exchange: FailedExchange,
  failure: Failure,
  phase: Phase,
  earlier: readonly TransportError[],
): TransportError {
  const { request, protocol, connection, index } = exchange;
  const { origin } = request.target;
  return new TransportError(failure.code, naming("exchange with", origin, failure.message), {
    ...knownOf(exchange, earlier),
    phase,
    protocol,
    origin,
    reused: connection !== undefined && index > 0,
    ...("cause" in failure ? { cause: failure.cause } : {}),
  });
}

/** The error of a dial that an exchange waited for. */
export function dialErrorOf(
  exchange: FailedExchange,
  error: TransportError,
  earlier: readonly TransportError[],
): TransportError {
  return restateError(error, knownOf(exchange, earlier));
}

/** What the exchange knows better than whoever made the error. */
function knownOf({ request, delivery, startedAt }: FailedExchange, earlier: readonly TransportError[]): KnownFacts {
  return {
    delivery,
    attempt: request.source.attempt ?? 1,
    elapsedMs: performance.now() - startedAt,
    attempts: earlier,
  };
}

/** Why `warm()` left no connection: the error of a dial, or what the pool found. */
export function warmError(
  failure: Failure | TransportError,
  { origin }: Target,
  protocol: Protocol,
  startedAt: number,
): TransportError {
  const elapsedMs = performance.now() - startedAt;
  if (isTransportError(failure)) return restateError(failure, { elapsedMs });
  return new TransportError(failure.code, naming("warming", origin, failure.message), {
    delivery: "not-sent",
    phase: failure.phase ?? "connect",
    protocol,
    origin,
    elapsedMs,
    ...("cause" in failure ? { cause: failure.cause } : {}),
  });
}

function naming(attempted: string, origin: string, message: string): string {
  return message.includes(origin) ? message : `${attempted} ${origin}: ${message}`;
}
