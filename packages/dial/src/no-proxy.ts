import { BlockList, isIP } from "node:net";

/**
 * Tells whether a `NO_PROXY` list excepts a host. Entries are separated by commas or spaces: `*`; a name, which excepts
 * its subdomains too, with or without a leading dot or `*.`; an IP address; a CIDR block; any but the block may end in
 * `:port`. What cannot be read excepts nothing.
 */
export function bypassesProxy(list: string, hostname: string, port: number): boolean {
  const host = plainName(hostname);
  return list.split(/[\s,]+/).some((entry) => entry !== "" && matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: number): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inBlock(entry, host);
  const { name, port: only } = splitPort(entry);
  if (only !== undefined && only !== port) return false;
  if (isIP(name) !== 0 || isIP(host) !== 0) return sameAddress(name, host);
  const suffix = plainName(name).replace(/^\*?\./, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}

function splitPort(entry: string): { readonly name: string; readonly port: number | undefined } {
  if (isIP(entry) === 6) return { name: entry, port: undefined };
  const [, name = entry, digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  return {
    name: name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name,
    port: digits === undefined ? undefined : Number(digits),
  };
}

function inBlock(entry: string, host: string): boolean {
  const [, network = "", prefix = ""] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(network);
  if (version === 0 || isIP(host) === 0 || Number(prefix) > (version === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), version === 4 ? "ipv4" : "ipv6");
  return block.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}

/** An IPv6 address has many spellings. */
function sameAddress(one: string, other: string): boolean {
  return one === other || (isIP(one) !== 0 && inBlock(`${one}/${isIP(one) === 4 ? 32 : 128}`, other));
}

/** A final dot says that a name is complete; it is the same name. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
