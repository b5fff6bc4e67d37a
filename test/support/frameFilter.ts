const lengthBytes = 4;

/**
 * Follows a stream of frames, each after its length in four bytes, cut anywhere; gives what is to be passed on. Asks
 * once for each frame, when its length is known, whether to drop it.
 */
export function createFrameFilter(drops: () => boolean): (chunk: Buffer) => Buffer[] {
  let head = Buffer.alloc(0);
  let left = 0;
  let dropping = false;
  return (chunk) => {
    const kept: Buffer[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const missing = lengthBytes - head.length;
        head = Buffer.concat([head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (head.length < lengthBytes) break;
        left = head.readUInt32BE();
        dropping = drops();
        if (!dropping) kept.push(head);
        head = Buffer.alloc(0);
      }
      const part = rest.subarray(0, left);
      if (!dropping && part.length > 0) kept.push(part);
      left -= part.length;
      rest = rest.subarray(part.length);
    }
    return kept;
  };
}
