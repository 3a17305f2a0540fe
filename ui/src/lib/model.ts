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

export type EnvironmentKind = "production" | "staging" | "development";
export type Tls =
  | { kind: "acme"; email: string | null }
  | { kind: "internal" }
  | { kind: "own"; cert_file: string; key_file: string }
  | { kind: "plain" };
export type Environment = {
  id: string;
  project_id: string;
  name: string;
  kind: EnvironmentKind;
  server_id: string | null;
  branch: string;
  domain: string | null;
  tls: Tls;
  cpus: number;
  memory_mb: number;
  disk_mb: number;
  modules: string[];
  options: Record<string, string>;
  variables: Record<string, string>;
  secret_variables: Record<string, string>;
  image: string | null;
  hold_limit_s: number;
  auto_deploy: boolean;
  retention: { keep_releases: number; keep_snapshots: number; snapshot_days: number };
  notify: boolean;
  demo_data: boolean;
  language: string | null;
  created_at: string;
  updated_at: string;
};
export type GitCredential =
  | { kind: "auto" }
  | { kind: "ssh_key"; file: string; passphrase: string | null }
  | { kind: "token"; user: string | null; token: string };
export type Repository = {
  name: string;
  url: string;
  branch: string | null;
  paths: string[];
  credential: GitCredential;
  submodules: boolean;
};
export type Project = { id: string; name: string; series: string; repositories: Repository[]; created_at: string };
export type ServerKind =
  | { kind: "local" }
  | {
      kind: "ssh";
      destination: string;
      user: string | null;
      port: number | null;
      key_file: string | null;
      password: string | null;
      passphrase: string | null;
      config_file: string | null;
    };
export type Server = {
  id: string;
  name: string;
  kind: ServerKind;
  root: string | null;
  docker_socket: string | null;
  docker_sudo: boolean;
  http_port: number;
  https_port: number;
  bind: string;
  build_ca_file: string | null;
  build_proxy: string | null;
  public_address: string | null;
  created_at: string;
};
export type DeploymentSummary = {
  id: string;
  environment_id: string;
  number: number;
  trigger: Trigger;
  status: Status;
  git_ref: string | null;
  commit: string | null;
  subject: string | null;
  author: string | null;
  lane: Lane | null;
  who: string;
  error: DeploymentError | null;
  queued_at: string;
  started_at: string | null;
  finished_at: string | null;
  build_ms: number | null;
  deploy_ms: number | null;
  pause_ms: number | null;
  snapshot_id: string | null;
  rollback_of: string | null;
  retry_of: string | null;
  point_of_no_return: boolean;
  cancel_requested_at: string | null;
};
export type UnderWay = { deployment: DeploymentSummary; step: Step | null; number: number; message: string | null };
export type EnvironmentRow = {
  environment: Environment;
  project: string;
  server: string | null;
  slug: string;
  address: string | null;
  status: Status;
  latest: DeploymentSummary | null;
  live: DeploymentSummary | null;
  under_way: UnderWay[];
};
export type Reservation = { cpus: number; memory_mb: number; disk_mb: number };
export type Capacity = { has: Reservation; others: Reservation; wants: Reservation };
export type ServerRow = { server: Server; environments: string[]; reserved: Reservation };
export type Overview = { environments: EnvironmentRow[]; projects: Project[]; servers: ServerRow[] };
export type Snapshot = {
  id: string;
  environment_id: string;
  deployment_id: string;
  created_at: string;
  kind: "clone" | "dump";
  database_bytes: number;
  filestore_bytes: number;
  kept_until: string | null;
  state: "taking" | "ready" | "failed" | "removed";
};
export type ModuleReason = { module: string; reasons: string[] };
export type Difference = { added: string[]; removed: string[] };
export type Plan = {
  lane: Lane;
  why: string[];
  live: { deployment: string; container: string; commit: string } | null;
  repositories: Record<string, { old: string | null; new: string }>;
  commits: { sha: string; subject: string; author: string }[];
  update: ModuleReason[];
  install: string[];
  code_only: ModuleReason[];
  pip: Difference;
  apt: Difference;
  disk_needed: number;
  disk_free: number;
  predicted_pause_ms: number | null;
  warnings: string[];
};
export type Loss = { model: string; label: string; created: number; changed: number; first: string; last: string };
export type RollbackPreview = {
  to: string;
  commit: string;
  subject: string | null;
  data_from: string | null;
  losses: Loss[];
};
export type StepRecord = {
  step: Step;
  status: StepStatus;
  message: string | null;
  started_at: string | null;
  finished_at: string | null;
};
export type LineCount = { step: Step; level: Level; lines: number };
export type ServerReport = {
  docker: string;
  os: string;
  arch: string;
  root: string;
  memory_free_mb: number;
  disk: { total: number; free: number };
  capacity: Capacity;
  deployed: { slug: string; running: boolean; commit: string }[];
};
export type HostKey = { host: string; algorithm: string; fingerprint: string; line: string };
export type Usage = { cpus: number; memory: number; memory_limit: number };

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
