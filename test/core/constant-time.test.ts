import assert from "node:assert/strict";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import { createAdmission } from "../../src/core/signature.ts";
import { now, present, rulesWith, signedBy } from "../support/admission.ts";

// How long a comparison takes cannot be measured honestly here: what differs are nanoseconds, beside microseconds of noise from
// the machine, its caches and the collector, and a test that bears the noise would not see the fault. What can be shown:
// the library's constant-time comparison decides, nothing else does, and it always gets two digests of equal length, as many
// times as there are keys, whatever was sent.

const names = ["first", "second", "third"];
const secrets = names.map((name) => ({ name, secret: `${name}-secret-of-some-length` }));
const rules = rulesWith({
  hmacKeys: secrets,
  tokens: secrets,
  basicUsers: secrets,
});

type Compared = { readonly lengths: readonly [number, number]; readonly equal: boolean };

/** Runs with the library's function watched; `answer` can overrule what it says. */
const watched = <T>(
  run: () => T,
  answer = (equal: boolean) => equal,
): { readonly result: T; readonly compared: Compared[] } => {
  const original = crypto.timingSafeEqual;
  const compared: Compared[] = [];
  crypto.timingSafeEqual = (a, b) => {
    const equal = original(a, b);
    compared.push({ lengths: [a.byteLength, b.byteLength], equal });
    return answer(equal);
  };
  syncBuiltinESMExports();
  try {
    return { result: run(), compared };
  } finally {
    crypto.timingSafeEqual = original;
    syncBuiltinESMExports();
  }
};

const body = Buffer.from("{}");
const signatureOf = (secret: string): string =>
  crypto.createHmac("sha256", secret).update(String(now)).update(body).digest("hex");
const presentations = {
  hmac: (secret: string) => signedBy(String(now), signatureOf(secret), { body }),
  token: (secret: string) => present({ pathToken: secret }),
  basic: (secret: string) =>
    present({
      headers: {
        authorization: `Basic ${Buffer.from(`${secret.split("-")[0]}:${secret}`).toString("base64")}`,
      },
    }),
};

for (const method of ["hmac", "token", "basic"] as const) {
  const admit = createAdmission({ ...rules, auth: [method] });
  const wrongs = ["x", "first-secret-of-some-lengtX", "Xirst-secret-of-some-length", "y".repeat(5000)];

  test(`P5: ${method}: each key is compared by timingSafeEqual on digests of 32 bytes, whatever is sent`, () => {
    for (const secret of [...secrets.map((known) => known.secret), ...wrongs]) {
      const { result, compared } = watched(() => admit(presentations[method](secret), now));
      assert.equal(compared.length, secrets.length, "none is left out, and none compared twice");
      for (const { lengths } of compared) assert.deepEqual(lengths, [32, 32]);
      assert.equal(result.ok, !wrongs.includes(secret));
    }
  });

  test(`P5: ${method}: nothing but that comparison decides`, () => {
    const [known] = secrets;
    assert.ok(known !== undefined);
    const right = presentations[method](known.secret);
    assert.equal(
      watched(
        () => admit(right, now),
        () => false,
      ).result.ok,
      false,
    );
    const wrong = presentations[method](wrongs[1] ?? "");
    assert.equal(
      watched(
        () => admit(wrong, now),
        () => true,
      ).result.ok,
      true,
    );
  });
}
