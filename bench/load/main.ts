import { runClosed } from "./closed.ts";
import { runOpen } from "./open.ts";
import type { Plan } from "./plan.ts";
import { createRecorder } from "./recorder.ts";
import { createRequests } from "./requests.ts";

// One process of load: its plan is the argument, its result the one line that it prints.

const plan: Plan = JSON.parse(process.argv[2] ?? "");
const recorder = createRecorder(plan.pid);
const requests = createRequests(plan);
await (plan.kind === "closed" ? runClosed : runOpen)(plan, requests, recorder);
process.stdout.write(`${JSON.stringify(recorder.result())}\n`);
