export type { DialOptions, ProxyOptions, TlsOptions } from "./options.ts";
export { dialOptionNames } from "./options.ts";
export { dialler } from "./dialler.ts";
export type { Dialler } from "./dialler.ts";
export type { Dial, DialledSocket, DialPhase, DialRequest } from "./dial.ts";
export type { DialMoments, SocketFacts } from "./facts.ts";
export { factsOf, momentsOf } from "./facts.ts";
export { isTlsFailure, tlsReason } from "./tls-reason.ts";
