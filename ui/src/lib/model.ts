// What the screens say about the model: a word for each of its values, and what it means.

import { steps, type Lane, type Status, type Step, type StepStatus, type Trigger } from "./backend";

export { steps } from "./backend";
export type * from "./backend";

const titles = new Map<Step, string>(steps.map(({ step, title }) => [step, title]));

/** The name of a step as the person sees it. */
export function stepTitle(step: Step): string {
  return titles.get(step) ?? step;
}

/** The word for a status. */
export const statusWords: Record<Status, string> = {
  pending: "Pending",
  queued: "Queued",
  building: "Building",
  deploying: "Deploying",
  success: "Success",
  failed: "Failed",
  cancelled: "Cancelled",
  rolled_back: "Rolled back",
};

/** What a status means, for the tooltip. */
export const statusMeanings: Record<Status, string> = {
  pending: "Never deployed",
  queued: "Waiting for its turn",
  building: "Preparing: nothing live is touched",
  deploying: "Cutting over to the new version",
  success: "Deployed and proven",
  failed: "Failed; its error says what that means for what serves",
  cancelled: "Cancelled; the version before it goes on serving",
  rolled_back: "Failed and undone by itself; the version before it serves again",
};

/** The word for a step's status. */
export const stepStatusWords: Record<StepStatus, string> = {
  pending: "Pending",
  running: "Running",
  done: "Done",
  failed: "Failed",
  skipped: "Skipped",
  cancelled: "Cancelled",
};

/** What asked for a deployment, in a word or two. */
export const triggerWords: Record<Trigger, string> = {
  manual: "Manual",
  git_push: "Git push",
  webhook: "Webhook",
  api: "API",
  scheduled: "Scheduled",
  auto_deploy: "Auto deploy",
  config_update: "Config update",
  rollback: "Rollback",
  retry: "Retry",
};

/** How it is cut over: a name, and what that means for whoever uses the Odoo meanwhile. */
export const lanes: Record<Lane, { title: string; meaning: string }> = {
  first: { title: "First deployment", meaning: "The database is made and the modules are installed." },
  code: { title: "Code only", meaning: "The new version starts beside the old one. No request waits." },
  update: { title: "Update", meaning: "Requests are held while the database is copied and updated." },
  restore: { title: "Restore", meaning: "Requests are held while databases are swapped by rename." },
};

/** Whether a deployment of this status takes a place in the queue or on a server. */
export function isRunning(status: Status): boolean {
  return status === "queued" || status === "building" || status === "deploying";
}

/** Whether nothing follows any more. */
export function isFinished(status: Status): boolean {
  return !isRunning(status) && status !== "pending";
}
