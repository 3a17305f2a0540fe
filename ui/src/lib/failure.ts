// What went wrong, in the form that every screen shows it. Screens switch on the code and never on a text.

export type Failure = { code: string; message: string; hint: string; detail?: string | null };

/** What was thrown as a failure. Whatever isn't one from the app's other half is a mistake of the app itself. */
export function failure(error: unknown): Failure {
  if (isFailure(error)) return error;
  return {
    code: "internal",
    message: "Something in Slipway's window went wrong.",
    hint: "Try again. If it happens again, please report it with the details.",
    detail: error instanceof Error ? error.message : String(error),
  };
}

/** Whether the server could not be reached, so that trying again later may help. */
export function isOffline({ code }: Failure): boolean {
  return offline.has(code);
}

const offline = new Set(["connection_refused", "dns_failed", "timed_out", "connection_lost"]);

function isFailure(error: unknown): error is Failure {
  return (
    typeof error === "object" &&
    error !== null &&
    typeof (error as Failure).code === "string" &&
    typeof (error as Failure).message === "string" &&
    typeof (error as Failure).hint === "string"
  );
}
