import { type Logger, pino } from "pino";
import { type Bridge, startBridge } from "./bridge.ts";
import { runCommand } from "./commands/main.ts";
import { type Config, loadConfig, settingFiles } from "./config.ts";

/** What an operator can mend is told in one line; anything else is a bug, and has its stack. */
const tellWhyNot = (log: Logger, error: unknown, adminPort: number): void => {
  if (!(error instanceof Error)) return log.fatal(error, "does not start");
  if ("syscall" in error && (error.syscall === "listen" || error.syscall === "getaddrinfo")) {
    const prefix = "port" in error && error.port === adminPort ? "ADMIN_" : "";
    const advice = `Set another ${prefix}HOST or ${prefix}PORT, or end what uses it`;
    return log.fatal(`does not start: ${error.message}. ${advice}`);
  }
  const { cause } = error;
  if (typeof cause === "object" && cause !== null && "detail" in cause)
    return log.fatal(`does not start: ${error.message}`);
  return log.fatal(error, "does not start");
};

type Settled = { readonly config: Config; readonly warnings: readonly string[] };
const start = async ({ config, warnings }: Settled, log: Logger): Promise<Bridge> => {
  let started: Bridge | null = null;
  // From the first moment on: by default this signal ends a process.
  process.on("SIGHUP", () => void started?.renew());
  const source = { files: settingFiles(process.env), load: () => loadConfig(process.env), warnings };
  started = await startBridge(config, log, source).catch((error: unknown) => {
    tellWhyNot(log, error, config.adminPort);
    process.exit(1);
  });
  return started;
};

/** Exit codes: 0 after a signal and an orderly end, 1 when settings, start or an unexpected fault end the process. */
const main = async (): Promise<void> => {
  const loaded = loadConfig(process.env);
  if (!loaded.ok) {
    console.error(`esign-kafka-bridge does not start: ${loaded.problems.length} fault(s) in the settings`);
    for (const problem of loaded.problems) console.error(`  ${problem}`);
    process.exitCode = 1;
    return;
  }
  const log = pino({ level: loaded.config.logLevel, base: null });
  const die = (error: unknown): void => {
    log.fatal(error, "ended by a fault; what was acknowledged is in Kafka or in the journal");
    process.exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  // Node's own way is plain text between the log lines, and kafkajs gives it cause for that on every start.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => log.debug(warning, "warning of Node"));
  // From the first line of the log on: a signal that comes in the middle of the start ends what has been started.
  const close = async (exitCode: number): Promise<void> => {
    await (await starting).close();
    log.info("ended");
    process.exit(exitCode);
  };
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) process.exit(1);
    log.info({ signal }, "closing: a second signal ends at once");
    void close(0);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  for (const warning of loaded.warnings) log.warn(warning);
  const starting = start(loaded, log);
  const failure = await (await starting).failed;
  log.fatal({ reason: failure.code }, failure.detail);
  await close(1);
};

// Any argument is a command of the operator; without one this is the bridge.
const args = process.argv.slice(2);
if (args.length > 0) process.exitCode = await runCommand(args, process);
else await main();
