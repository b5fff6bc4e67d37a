/** What one process of load does: it runs beside the server, on another core where there is one. */
export type Plan = {
  /** `closed`: each connection sends its next request at the answer. `open`: requests start on time, whatever comes back. */
  readonly kind: "closed" | "open";
  readonly port: number;
  /** Process of the server, whose CPU time is read at both ends of the measured time. */
  readonly pid: number;
  readonly secret: string;
  readonly bodyBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** `closed` only. */
  readonly connections: number;
  /** `open` only: requests a second. */
  readonly rate: number;
  /** End after this many requests, when that comes before the time is up. */
  readonly count: number;
};

export type Latency = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
};

/** All counted in the measured time alone. */
export type LoadResult = {
  /** Answered 200. */
  readonly acknowledged: number;
  /** Answered otherwise, or not at all because the connection ended. */
  readonly refused: number;
  readonly seconds: number;
  /** User and system, all threads, as the kernel counts them. */
  readonly cpuSeconds: number;
  /** Of the thread that used most of it. */
  readonly busiestThreadSeconds: number;
  /** Bytes that the server gave to the file system. */
  readonly writtenBytes: number;
  readonly latency: Latency;
  /** How late the generator itself was, at the 99th percentile: it is part of the latency of an open loop. */
  readonly lateMs: number;
  /** Answers 200 in each full second. */
  readonly perSecond: readonly number[];
  /** Answers 200 from the first request to the last, warm-up included. */
  readonly acknowledgedInAll: number;
};
