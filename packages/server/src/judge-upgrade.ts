import type { Refusal } from "./check-head.ts";

/** What of an upgrade decides whether it is taken. */
export interface UpgradeHead {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The connection is encrypted up to us. */
  readonly secure: boolean;
  /** `Sec-WebSocket-Protocol` as it came. */
  readonly subprotocols: string | undefined;
}

export interface UpgradeRules {
  readonly origins: ReadonlySet<string> | "any";
  /** Of exchanges. */
  readonly exchanges: string;
  /** Of channels; undefined while those are not served. */
  readonly channels: readonly string[] | undefined;
}

/** Taken: who serves it, and the sub-protocol that the client is told, if any. */
export interface Accepted {
  readonly serves: "exchanges" | "channel";
  readonly subprotocol: string | undefined;
}

/** Decides on an upgrade; the WebSocket handshake itself is checked by ws. */
export function judgeUpgrade(head: UpgradeHead, rules: UpgradeRules): Accepted | Refusal {
  if (!originAllowed(head, rules.origins)) return { status: 403, reason: "upgrades from this origin are not allowed" };
  const offered = (head.subprotocols ?? "").split(",").map((name) => name.trim());
  const named = offered.filter((name) => name !== "");
  const { exchanges, channels } = rules;
  if (named.includes(exchanges)) return { serves: "exchanges", subprotocol: exchanges };
  const chosen = named.find((name) => channels?.includes(name));
  if (channels !== undefined && (named.length === 0 || chosen !== undefined)) {
    return { serves: "channel", subprotocol: chosen };
  }
  const spoken = [exchanges, ...(channels ?? [])].join(", ");
  return { status: 400, reason: `Sec-WebSocket-Protocol must name one of: ${spoken}` };
}

/**
 * Browsers send `Origin` with every upgrade and let pages of all origins make them, cookies included (RFC 6455, 10.2), so
 * a page must come from the host that it asks, or from an origin that was named. Where TLS ends elsewhere, the scheme that
 * the page came by cannot be compared.
 */
function originAllowed({ origin, host, secure }: UpgradeHead, origins: ReadonlySet<string> | "any"): boolean {
  if (origin === undefined || origins === "any" || origins.has(origin)) return true;
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== "https:" && (secure || page.protocol !== "http:")) return false;
  const own = `${page.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === page.host;
}
