import { serve, settingsOf } from "./route.ts";

// The floor: what an HTTP server costs that checks the signature and parses the body, and then does nothing with it.

await serve(settingsOf(process.env).secret, () => undefined);
