import { cpus } from "node:os";

/** Where the figures were made. They mean little anywhere else. */
export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string;
  readonly cores: number;
}

export function readEnvironment(): Environment {
  const cores = cpus();
  return {
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    cpu: (cores[0]?.model ?? "unknown CPU").replaceAll(/\s+/g, " ").trim(),
    cores: cores.length,
  };
}

/** Whether an origin at this address is on this machine. */
export function networkOf(remoteAddress: string | undefined): "loopback" | "remote" | "unknown" {
  if (remoteAddress === undefined) return "unknown";
  return /^(?:::ffff:)?127\.|^::1$/.test(remoteAddress) ? "loopback" : "remote";
}
