import { BlockList, isIP } from "node:net";

/** True for an address that stands in a list. Takes what `toAddress` gives. */
export type Addresses = (address: string) => boolean;

/** IPv4 in an IPv6 coat, as hexadecimal or not. */
const uncoated = (address: string): string => {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(address) ?? [];
  if (high === undefined || low === undefined) return address.replace(/^::ffff:(?=\d+\.)/i, "");
  const parts = [high, low].map((half) => Number.parseInt(half, 16));
  return parts.map((half) => `${half >> 8}.${half & 255}`).join(".");
};

/**
 * An address as it is compared: IPv4 in an IPv6 coat is IPv4. Takes what stands in X-Forwarded-For too: some proxies
 * write the port behind the address. Null for everything else.
 */
export const toAddress = (text: string): string | null => {
  const address = uncoated(
    text
      .trim()
      .replace(/^\[([^\]]*)\](?::\d+)?$/, "$1")
      .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")
      .replace(/%.*$/, ""),
  );
  return isIP(address) === 0 ? null : address;
};

const bitsOf = (address: string): number => (isIP(address) === 4 ? 32 : 128);

type Range = readonly [address: string, bits: number];
const rangeOf = (entry: string): Range | null => {
  const [, base = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  if (isIP(base) === 0 || base.includes("%")) return null;
  const address = toAddress(base) ?? base;
  const bits = Number(prefix ?? bitsOf(base)) - (bitsOf(base) - bitsOf(address));
  return bits < 0 || bits > bitsOf(address) ? null : [address, bits];
};

/** Addresses and ranges with commas, as `10.0.0.0/8,2001:db8::/32`, each written out with its prefix. */
export const parseAddresses = (
  text: string,
): { readonly value: readonly string[] } | { readonly wrong: string } => {
  const ranges = text.split(",").map((entry) => rangeOf(entry.trim()));
  const odd = ranges.indexOf(null);
  if (odd !== -1) return { wrong: `is wrong in entry ${odd + 1}` };
  return { value: ranges.flatMap((range) => (range === null ? [] : [range.join("/")])) };
};

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 4 ? "ipv4" : "ipv6");

/** Of ranges as `parseAddresses` gives them. */
export const createAddresses = (ranges: readonly string[]): Addresses => {
  // Apart: `::/0` holds every IPv4 address too, and means none of them.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    lists[familyOf(address)].addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => {
    const family = familyOf(address);
    // An IPv6 address may be IPv4 written in hexadecimal.
    return lists.ipv4.check(address, family) || (family === "ipv6" && lists.ipv6.check(address, family));
  };
};

/**
 * Who called. Only a proxy that is named is believed, and only about the hop before it: read from the end, the first
 * address that is none of our proxies is the caller, whatever stands before it. Null when a proxy named no address: it speaks for
 * others, and what it asks itself (is the bridge well?) it asks on the admin port.
 */
export const callerOf = (
  peer: string | undefined,
  forwardedFor: string | undefined,
  isProxy: Addresses,
): string | null => {
  // Of an empty header the one hop is none.
  const hops = (forwardedFor ?? "").split(",");
  let address = toAddress(peer ?? "");
  while (address !== null && isProxy(address)) {
    const hop = hops.pop();
    if (hop === undefined) break;
    address = toAddress(hop);
  }
  return address;
};

/** What one client can have many addresses of: under IPv6 the first 64 bits. */
export const networkOf = (address: string): string => {
  if (isIP(address) !== 6) return address;
  const [left = [], right = []] = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = address.includes("::")
    ? Array.from({ length: 8 - left.length - right.length }, () => "0")
    : [];
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
};
