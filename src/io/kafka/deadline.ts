type Deadline = { readonly what: string; readonly ms: number };

/** Rejects with an error named `DeadlinePassed` when the call has not ended in time. */
export const withDeadline = async <T>(call: Promise<T>, { what, ms }: Deadline): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Error(`${what} did not end within ${ms} ms`);
    error.name = "DeadlinePassed";
    reject(error);
  }, ms);
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
};
