// What the screens know about: the words of the model, in their order, with what to call them.

export type Step =
  | "initializing"
  | "connecting"
  | "creating_network"
  | "creating_database"
  | "cloning_repositories"
  | "pulling_image"
  | "generating_config"
  | "installing_dependencies"
  | "verifying_dns"
  | "taking_snapshot"
  | "initializing_database"
  | "starting_container"
  | "health_check"
  | "configuring_routing"
  | "completed";
export type StepStatus = "pending" | "running" | "done" | "failed" | "skipped" | "cancelled";
export type Status =
  "pending" | "queued" | "building" | "deploying" | "success" | "failed" | "cancelled" | "rolled_back";
export type Level = "debug" | "info" | "warning" | "error";
export type Lane = "first" | "code" | "update" | "restore";
export type Trigger =
  | "manual"
  | "git_push"
  | "webhook"
  | "api"
  | "scheduled"
  | "auto_deploy"
  | "config_update"
  | "rollback"
  | "retry";

/** Why something didn't work: screens switch on `code`, and show the rest. */
export type DeploymentError = {
  code: string;
  message: string;
  hint: string;
  step: Step | null;
  cause: string | null;
};

export type Event = { seq: number; deployment_id: string; at: string } & (
  | { event: "line"; step: Step; level: Level; text: string }
  | { event: "step_changed"; step: Step; status: StepStatus; message: string | null }
  | { event: "status_changed"; status: Status; error: DeploymentError | null }
  | { event: "progress"; done: number; of: number }
);

export type LogLine = {
  seq: number;
  deployment_id: string;
  step: Step;
  level: Level;
  at: string;
  text: string;
};

/** Which part of a deployment a step belongs to: nothing live is touched in `prepare`. */
export type Part = "prepare" | "cut_over" | "settle";

/** The 15 steps, in their order, by the names that the person sees. */
export const steps: readonly { id: Step; title: string; part: Part }[] = [
  { id: "initializing", title: "Initializing", part: "prepare" },
  { id: "connecting", title: "Connecting", part: "prepare" },
  { id: "creating_network", title: "Creating Network", part: "prepare" },
  { id: "creating_database", title: "Creating Database", part: "prepare" },
  { id: "cloning_repositories", title: "Cloning Repositories", part: "prepare" },
  { id: "pulling_image", title: "Pulling Image", part: "prepare" },
  { id: "generating_config", title: "Generating Config", part: "prepare" },
  { id: "installing_dependencies", title: "Installing Dependencies", part: "prepare" },
  { id: "verifying_dns", title: "Verifying DNS", part: "prepare" },
  { id: "taking_snapshot", title: "Taking Snapshot", part: "cut_over" },
  { id: "initializing_database", title: "Initializing Database", part: "cut_over" },
  { id: "starting_container", title: "Starting Container", part: "cut_over" },
  { id: "health_check", title: "Health Check", part: "cut_over" },
  { id: "configuring_routing", title: "Configuring Routing", part: "cut_over" },
  { id: "completed", title: "Completed", part: "settle" },
];

const titles = new Map(steps.map(({ id, title }) => [id, title]));

/** The name of a step as the person sees it. */
export function stepTitle(step: Step): string {
  return titles.get(step) ?? step;
}

/** The place of a step, from 1 to 15. */
export function stepNumber(step: Step): number {
  return steps.findIndex(({ id }) => id === step) + 1;
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
  failed: "Failed before anything live changed",
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
