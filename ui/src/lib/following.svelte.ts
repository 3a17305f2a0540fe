// One deployment as it happens: what was recorded of it, then what comes, each event once.

import { deployment as readDeployment, followDeployment } from "./backend";
import { failure, type Failure } from "./failure";
import type { Deployment, DeploymentSummary, StepRecord } from "./model";
import { apply, begin, isOver, type Progress } from "./progress";

/** Follows a deployment from its beginning to its end. `stop` ends that. */
export class Following {
  deployment = $state.raw<Deployment | null>(null);
  progress: Progress;
  expected = $state.raw<number | null>(null);
  failed = $state.raw<Failure | null>(null);
  /** Counts up with every batch: the log has grown. */
  version = $state(0);
  private known = $state.raw<Progress>(begin("queued"));
  private stopped = false;
  private end: () => void = () => undefined;

  constructor(readonly id: string) {
    this.progress = $derived(this.known);
    void this.start();
  }

  /** How it stands, with what the events have told since it was read. */
  get summary(): DeploymentSummary | null {
    return this.deployment && { ...this.deployment, status: this.known.status };
  }

  stop(): void {
    this.stopped = true;
    this.end();
  }

  private async start(): Promise<void> {
    try {
      const { deployment, steps, expected_ms } = await this.read();
      if (this.stopped) return;
      // Everything is told again from the beginning: the lines of each step are part of the picture.
      this.known = { ...withRecords(begin(deployment.status), steps), error: deployment.error };
      this.expected = expected_ms;
      const end = await followDeployment(this.id, 0, (events) => this.take(events));
      this.end = end;
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- stopped while waiting
      if (this.stopped) end();
    } catch (error) {
      this.failed = failure(error);
    }
  }

  private async read() {
    const read = await readDeployment(this.id);
    this.deployment = read.deployment;
    return read;
  }

  private take(events: Parameters<typeof apply>[1]): void {
    const before = this.known;
    this.known = apply(before, events);
    if (this.known === before) return;
    this.version += 1;
    // Commit, durations and the end itself stand in the record.
    if (before.status !== this.known.status || (isOver(this.known) && !isOver(before))) {
      this.read().catch((error: unknown) => (this.failed = failure(error)));
    }
  }
}

function withRecords(progress: Progress, records: readonly StepRecord[]): Progress {
  return {
    ...progress,
    steps: progress.steps.map((step) => {
      const record = records.find((record) => record.step === step.step);
      if (!record) return step;
      const { status, message, started_at, finished_at } = record;
      return { ...step, status, message, startedAt: started_at, finishedAt: finished_at };
    }),
  };
}
