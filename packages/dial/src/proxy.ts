import { bypassesProxy } from "./no-proxy.ts";

/** A proxy to tunnel through. */
export interface Proxy {
  readonly kind: "http:" | "https:" | "socks5:" | "socks5h:";
  /** Without the brackets of an IPv6 literal. */
  readonly hostname: string;
  readonly port: number;
  /** Decoded; undefined without user information. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** Its URL without credentials, for messages. */
  readonly label: string;
}

/** What the choice of a proxy depends on. */
export interface ProxyQuestion {
  /** Whether the connection will be TLS: `HTTPS_PROXY` or `HTTP_PROXY`. */
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const defaultPorts: Readonly<Record<Proxy["kind"], number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
  "socks5h:": 1080,
};

/**
 * Reads the URL of a proxy.
 *
 * @throws TypeError that names the option or variable it came from, never its value: that can hold a password.
 */
export function parseProxy(value: unknown, name: string): Proxy {
  const url =
    value instanceof URL ? value : typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined) throw new TypeError(`${name} is not the URL of a proxy`);
  if (!isKind(url.protocol))
    throw new TypeError(`${name} has the scheme ${url.protocol}; there are http:, https:, socks5: and socks5h:`);
  if (url.hostname === "") throw new TypeError(`${name} names no host`);
  if (url.pathname.length > 1 || url.search !== "" || url.hash !== "")
    throw new TypeError(`${name} has more than scheme, credentials, host and port`);
  const port = url.port === "" ? defaultPorts[url.protocol] : Number(url.port);
  return Object.freeze({
    kind: url.protocol,
    hostname: url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname,
    port,
    credentials: readCredentials(url, name),
    label: `${url.protocol}//${url.hostname}:${port}`,
  });
}

/**
 * The proxy that the environment names for a connection, by the rules that curl and Go share: lower case wins, the
 * variable of the scheme before `ALL_PROXY`, an empty one counts as unset. In a CGI program a request field could set
 * `HTTP_PROXY`, so it is ignored where `REQUEST_METHOD` is set (httpoxy, CVE-2016-5385).
 *
 * @throws TypeError for a variable that names no proxy; going without one could leak.
 */
export function proxyFromEnvironment(question: ProxyQuestion, environment: Environment): Proxy | undefined {
  const scheme = question.secure ? "https_proxy" : "http_proxy";
  const names = [scheme, scheme.toUpperCase(), "all_proxy", "ALL_PROXY"];
  const name = names.find(
    (each) => isSet(environment[each]) && !(each === "HTTP_PROXY" && environment["REQUEST_METHOD"] !== undefined),
  );
  if (name === undefined) return undefined;
  const exceptions = isSet(environment["no_proxy"]) ? environment["no_proxy"] : (environment["NO_PROXY"] ?? "");
  if (bypassesProxy(exceptions, question.hostname, question.port)) return undefined;
  const value = (environment[name] ?? "").trim();
  return parseProxy(/^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`, name);
}

function isKind(scheme: string): scheme is Proxy["kind"] {
  return Object.hasOwn(defaultPorts, scheme);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== "";
}

function readCredentials(url: URL, name: string): Proxy["credentials"] {
  if (url.username === "" && url.password === "") return undefined;
  try {
    return Object.freeze({ username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) });
  } catch {
    throw new TypeError(`${name} has user information that is not percent-encoded UTF-8`);
  }
}
