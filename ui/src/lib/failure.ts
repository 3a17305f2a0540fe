// What went wrong, as every screen shows it. Screens switch on the code and never on a text.

import type { EngineError, ErrorCode } from "./backend";

export { errorOf as failure } from "./backend";
export type Failure = EngineError;

/** Whether the server could not be reached, so that trying again later may help. */
export function isOffline({ code }: Failure): boolean {
  return offline.has(code);
}

const offline = new Set<ErrorCode>(["connection_refused", "dns_failed", "timed_out", "connection_lost"]);
