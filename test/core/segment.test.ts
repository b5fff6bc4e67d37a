import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import {
  readSegmentHeader,
  segmentFileName,
  segmentHeaderBytes,
  segmentNumberOf,
  segmentVersion,
  writeSegmentHeader,
} from "../../src/core/segment.ts";

const header = { salt: 0xdeadbeef, first: 2 ** 40, createdAt: 1_700_000_000_000, encryption: null };

const written = (): Buffer => {
  const bytes = Buffer.alloc(segmentHeaderBytes, 0xff);
  writeSegmentHeader(bytes, header);
  return bytes;
};

test("a header is read as it was written, and from either copy alone", () => {
  assert.deepEqual(readSegmentHeader(written()), { kind: "good", header });
  for (const page of [0, 4096]) {
    const bytes = written().fill(0, page, Math.min(page + 4096, segmentHeaderBytes));
    assert.deepEqual(readSegmentHeader(bytes), { kind: "good", header });
  }
});

test("any one byte changed anywhere in a header changes nothing of what is read", () => {
  fc.assert(
    fc.property(fc.nat(segmentHeaderBytes - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const bytes = written();
      bytes.writeUInt8(bytes.readUInt8(at) ^ change, at);
      assert.deepEqual(readSegmentHeader(bytes), { kind: "good", header });
    }),
    { numRuns: 2000 },
  );
});

test("a header cut within its first copy is damaged, and zeros and noise are too", () => {
  for (let length = 0; length < 64; length += 1) {
    assert.equal(readSegmentHeader(written().subarray(0, length)).kind, "damaged");
  }
  assert.equal(readSegmentHeader(Buffer.alloc(segmentHeaderBytes)).kind, "damaged");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: segmentHeaderBytes }), (noise) => {
      assert.equal(readSegmentHeader(Buffer.from(noise)).kind, "damaged");
    }),
  );
});

test("a version is named when its checksum holds, and is damage when it does not", () => {
  const bytes = written();
  for (const at of [0, 4096]) bytes.writeUInt16BE(segmentVersion + 1, at + 8);
  assert.equal(readSegmentHeader(bytes).kind, "damaged");
  for (const at of [0, 4096]) bytes.writeUInt32BE(crc32(bytes.subarray(at, at + 32)), at + 32);
  assert.deepEqual(readSegmentHeader(bytes), { kind: "version-unknown", version: segmentVersion + 1 });
});

test("file names sort as their numbers do, and no other name has one", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      assert.equal(segmentNumberOf(segmentFileName(a)), a);
      assert.equal(segmentFileName(a) < segmentFileName(b), a < b);
    }),
  );
  for (const name of ["cursor", "lock", "1.journal", `${segmentFileName(1)}.part`]) {
    assert.equal(segmentNumberOf(name), null);
  }
});
