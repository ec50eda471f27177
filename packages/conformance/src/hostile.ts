export type { Fault } from "./hostile/fault.ts";
export { inexpressible } from "./hostile/fault.ts";
export type {
  HeadOptions,
  Hostile,
  HostileConnection,
  HostileExchange,
  HostileOptions,
  HostileOrigin,
  HostileResponse,
  ResetReason,
} from "./hostile/hostile.ts";
export { Arrivals, hostileOrigin } from "./hostile/arrivals.ts";
export type { HostileTls } from "./hostile/hostile-tls.ts";
export { http1Hostile } from "./hostile/http1.ts";
export { http2Hostile } from "./hostile/http2.ts";
export type { MuxPipeHostile } from "./hostile/mux.ts";
export { muxHostile, muxPipeHostile } from "./hostile/mux.ts";
export type { MessageListener, MessagePipe } from "./hostile/message-pipe.ts";
export type { InProcessHostile } from "./hostile/in-process.ts";
export { inProcessHostile } from "./hostile/in-process.ts";
export type { Certificate, CertificateHosts, Validity } from "./hostile/certificates.ts";
export { authority, certificate } from "./hostile/certificates.ts";
export type { ListenAs, Script, ScriptedServer } from "./hostile/scripted-server.ts";
export { Gone } from "./hostile/scripted-server.ts";
export type { RawRequest } from "./hostile/raw-peer.ts";
export { RawPeer } from "./hostile/raw-peer.ts";
export type { RawServer } from "./hostile/raw-server.ts";
export { ok, rawAnswers, rawServer } from "./hostile/raw-server.ts";
export type { Frame } from "./hostile/frames.ts";
export { ack, endHeaders, endStream, frame, frames, headerBlock, setting, uint } from "./hostile/frames.ts";
export type { FramePeerOptions, FrameRequest } from "./hostile/frame-peer.ts";
export { FramePeer } from "./hostile/frame-peer.ts";
export type { FrameServer, FrameServerOptions } from "./hostile/frame-server.ts";
export { frameAnswers, frameServer } from "./hostile/frame-server.ts";
export type { Asked } from "./hostile/outcome.ts";
export { expectNextWorks, failure, getText } from "./hostile/outcome.ts";
export type { PipeFault } from "./hostile/fault-pipe.ts";
export type { ConnectionFaults, FaultProxy, FaultProxyOptions } from "./hostile/fault-proxy.ts";
export { faultProxy } from "./hostile/fault-proxy.ts";
