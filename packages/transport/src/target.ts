/** Where a request goes. One object for each origin and path; equal origins share their `origin` string. */
export interface Target {
  /** Scheme, host and port: `https://a.example`, the default port left out. */
  readonly origin: string;
  /** `https:` */
  readonly scheme: string;
  /** Without the brackets of an IPv6 literal. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query, never empty. */
  readonly path: string;
}

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "ws:": 80, "wss:": 443 };

// A path of these characters, without dot segments and empty query, is what the URL parser would give back unchanged.
const plainPath = /^\/[\w\-~!$&()*+,;=:@%/.?]*(?<!\?)$/;
const dotSegment = /\/\.|\/%2e/i;
const control = /\p{Cc}/u;

/** Of a URL, in characters: what servers take ends at 8 to 16 KiB, and what is longer belongs in a body. */
const maxUrlLength = 16_384;

/** Origins seen lately. Most requests go to few origins, and parsing a URL costs more than the rest of the check. */
const origins = new Map<string, Target>();
const maxOrigins = 1_000;

/**
 * Splits an absolute URL.
 *
 * @throws TypeError for a relative URL, one without a host, one with user information, one of more than 16,384 characters,
 * or a string with a control character in it.
 */
export function parseTarget(url: URL | string): Target {
  if (typeof url !== "string") return split(url instanceof URL ? url : parse(String(url)));
  if (url.length > maxUrlLength) throw tooLong();
  const slash = url.indexOf("/", 8);
  const prefix = slash < 0 ? url : url.slice(0, slash);
  const known = origins.get(prefix);
  if (known !== undefined) {
    if (slash < 0) return known;
    const path = url.slice(slash);
    if (path === known.path) return known;
    if (plainPath.test(path) && !dotSegment.test(path)) {
      const { origin, scheme, hostname, port } = known;
      return { origin, scheme, hostname, port, path };
    }
  }
  const target = split(parse(url));
  // What stands before a slash need not be the origin: "http:///" and "ws://a/b" can stand there too.
  if (known === undefined && prefix === target.origin) remember(target);
  return target;
}

function parse(text: string): URL {
  // The URL parser would drop a line break without a word.
  if (control.test(text)) throw new TypeError("url holds a control character");
  if (!URL.canParse(text)) throw new TypeError("url is not an absolute URL");
  return new URL(text);
}

function split(url: URL): Target {
  const { protocol: scheme, hostname } = url;
  if (url.href.length > maxUrlLength) throw tooLong();
  if (hostname === "") throw new TypeError(`a ${scheme} URL names no host to connect to`);
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("url holds user information; send it in an authorization field instead");
  }
  return {
    origin: `${scheme}//${url.host}`,
    scheme,
    hostname: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: url.port === "" ? (defaultPorts[scheme] ?? 0) : Number(url.port),
    path: (url.pathname || "/") + url.search,
  };
}

function tooLong(): TypeError {
  return new TypeError(`url is longer than ${maxUrlLength} characters`);
}

function remember(target: Target): void {
  if (origins.size >= maxOrigins) origins.clear();
  origins.set(target.origin, { ...target, path: "/" });
}
