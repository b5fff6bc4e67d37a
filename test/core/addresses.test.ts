import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { callerOf, createAddresses, networkOf, parseAddresses, toAddress } from "../../src/core/addresses.ts";

const rangesOf = (text: string): readonly string[] => {
  const parsed = parseAddresses(text);
  assert.ok("value" in parsed, text);
  return parsed.value;
};
const listOf = (text: string) => createAddresses(rangesOf(text));

const inside: readonly (readonly [list: string, address: string, isIn: boolean])[] = [
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["192.0.2.7", "192.0.2.7", true],
  ["192.0.2.7", "192.0.2.8", false],
  ["192.0.2.7/32, 10.0.0.0/31", "10.0.0.1", true],
  ["2001:db8::/32", "2001:db8:ffff::1", true],
  ["2001:db8::/32", "2001:db9::1", false],
  ["2001:DB8::1", "2001:db8:0:0::1", true],
  ["::1", "::1", true],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "203.0.113.9", false],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["10.0.0.0/8", "::FFFF:11.0.0.1", false],
  ["10.0.0.0/8", "::ffff:a00:1", true],
  ["::ffff:10.0.0.0/104", "10.9.9.9", true],
  ["::ffff:10.0.0.1", "10.0.0.1", true],
  ["::ffff:a00:0/104", "10.9.9.9", true],
  ["::ffff:a00:0/104", "11.0.0.1", false],
];
for (const [list, address, isIn] of inside)
  test(`P5: ${address} ${isIn ? "stands" : "does not stand"} in ${list}`, () => {
    assert.equal(listOf(list)(toAddress(address) ?? ""), isIn);
  });

const odd =
  "10.0.0.0/33 10.0.0.0/ 10.0.0/8 ::/129 localhost 10.0.0.1:80 fe80::1%eth0 /8 ::ffff:10.0.0.0/95 1e1";
for (const text of ["", ",", "10.0.0.1,", ...odd.split(" ")])
  test(`"${text}" is no list of addresses`, () => assert.ok("wrong" in parseAddresses(text)));

test("an address is read in each form in which proxies write it, and nothing else is one", () => {
  const forms: readonly (readonly [string, string | null])[] = [
    [" 192.0.2.1 ", "192.0.2.1"],
    ["192.0.2.1:4711", "192.0.2.1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["unknown", null],
    ["_hidden", null],
    ["", null],
    ["192.0.2.1, 192.0.2.2", null],
    ["192.0.2.256", null],
  ];
  for (const [text, address] of forms) assert.equal(toAddress(text), address, text);
});

const proxies = "10.0.0.0/8,2001:db8::/32";
type Row = readonly [peer: string, forwardedFor: string | undefined, caller: string | null];
const callers: readonly Row[] = [
  ["203.0.113.9", undefined, "203.0.113.9"],
  ["203.0.113.9", "192.0.2.1", "203.0.113.9"],
  // Else whoever comes through a proxy that forgets the header would be as welcome as the proxy.
  ["10.0.0.1", undefined, null],
  ["10.0.0.1", " ", null],
  ["10.0.0.1", "192.0.2.1", "192.0.2.1"],
  ["::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"],
  // What the sender wrote itself stands before what our proxy added.
  ["10.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"],
  ["10.0.0.1", "192.0.2.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"],
  ["10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["2001:db8::1", "192.0.2.1,[2001:db8::2]:80", "192.0.2.1"],
  ["10.0.0.1", "192.0.2.1, unknown", null],
  ["10.0.0.1", "192.0.2.1,", null],
  ["10.0.0.1", "192.0.2.1, unknown, 203.0.113.9", "203.0.113.9"],
];
for (const [peer, forwardedFor, caller] of callers)
  test(`P5: ${peer} with X-Forwarded-For "${forwardedFor}" speaks for ${caller ?? "nobody"}`, () => {
    assert.equal(callerOf(peer, forwardedFor, listOf(proxies)), caller);
  });

test("P5: a peer that is no proxy is the caller, whatever it forwards", () => {
  const isProxy = listOf(proxies);
  const addresses = fc
    .oneof(fc.ipV4(), fc.ipV6())
    .filter((address) => !isProxy(toAddress(address) ?? address));
  fc.assert(
    fc.property(addresses, fc.string(), (peer, forged) => {
      assert.equal(callerOf(peer, forged, isProxy), toAddress(peer));
    }),
  );
});

test("P9: an IPv6 client is the 64 bits that it is given, however it writes them", () => {
  assert.equal(networkOf("192.0.2.1"), "192.0.2.1");
  assert.equal(networkOf("2001:db8:0:7:1:2:3:4"), "2001:db8:0:7");
  assert.equal(networkOf("2001:db8::1"), "2001:db8:0:0");
  assert.equal(networkOf("::1"), "0:0:0:0");
  assert.equal(networkOf("2001:db8:a:b::"), "2001:db8:a:b");
});
