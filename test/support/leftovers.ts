import { after } from "node:test";

/** A failed test may leave a relay or a server behind, which would keep its file, and with it the whole run, for ever. */
const graceMs = 60_000;

const endAnyway = (): void => {
  const left = process.getActiveResourcesInfo().join(", ");
  console.error(
    `All tests of ${process.argv[1]} have ended, but ${graceMs / 1000} s later it still holds: ${left}`,
  );
  process.exit(1);
};

// The process that runs the files preloads this too, and has no tests of its own.
if (process.env["NODE_TEST_CONTEXT"] !== undefined)
  after(() => {
    setTimeout(endAnyway, graceMs).unref();
  });
