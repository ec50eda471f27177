export type { ErrorHandler, FetchHandler } from "./fetch-handler.ts";
export type { NodeHandler } from "./from-node.ts";
export { fromNode } from "./from-node.ts";
export type { ServeLimits, ServeOptions, ServeProtocol, ServeTimeouts } from "./options.ts";
export type { Authorize, ChannelHandler, ChannelLimits, PingOptions, UpgradeOptions } from "./upgrade-options.ts";
export type { Server } from "./serve.ts";
export { serve } from "./serve.ts";
export type { Attached, AttachLimits, AttachOptions } from "./attach.ts";
export { attach } from "./attach.ts";
