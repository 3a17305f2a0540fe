// One deployment as it happens: how it stands, then what comes, each event once.

import { commands, followDeployment } from "./backend";
import { failure, type Failure } from "./failure";
import * as filters from "./filters";
import type { Deployment, DeploymentSummary, Event, Step } from "./model";
import { apply, begin, isOver, KEPT, recorded, withEarlier, type Progress } from "./progress";

/** Follows a deployment to its end, or until `stop`. */
export class Following {
  deployment = $state.raw<Deployment | null>(null);
  progress = $state.raw<Progress>(begin("queued"));
  /** How long it should take, in milliseconds. */
  expected = $state.raw<number | null>(null);
  failed = $state.raw<Failure | null>(null);
  /** Counts up with every batch of events: the log has grown. */
  version = $state(0);
  private stopped = false;
  private end: () => void = () => undefined;
  private asked: Step[] = [];

  constructor(readonly id: string) {
    void this.start();
  }

  /** The record, with what the events have told since it was read. */
  get summary(): DeploymentSummary | null {
    return this.deployment && { ...this.deployment, status: this.progress.status };
  }

  /** Nobody looks any more. */
  stop(): void {
    this.stopped = true;
    this.end();
  }

  /** Somebody looks at a step: the lines that it said before we followed are read. */
  async look(step: Step): Promise<void> {
    const known = this.progress.steps.find((known) => known.step === step);
    if (!known || known.lines.length >= Math.min(known.said, KEPT) || this.asked.includes(step)) return;
    this.asked.push(step);
    const before = known.lines[0]?.seq ?? null;
    try {
      const lines = await commands.logLines(
        this.id,
        filters.lines({ step, before, from_end: true, limit: KEPT }),
      );
      this.progress = withEarlier(this.progress, step, lines);
    } catch (error) {
      this.asked = this.asked.filter((other) => other !== step);
      this.failed = failure(error);
    }
  }

  private async start(): Promise<void> {
    try {
      const { deployment, steps, counts, seq, expected_ms } = await commands.deployment(this.id);
      if (this.stopped) return;
      this.deployment = deployment;
      this.expected = expected_ms;
      this.progress = recorded(deployment, steps, counts, seq);
      if (isOver(this.progress)) return;
      this.end = followDeployment(this.id, seq, {
        items: (events) => this.take(events),
        ended: (error) => (this.failed = error),
      });
    } catch (error) {
      this.failed = failure(error);
    }
  }

  private take(events: Event[]): void {
    const before = this.progress;
    this.progress = apply(before, events);
    if (this.progress === before) return;
    this.version += 1;
    // Commit, durations and the end stand in the record: it's read when a step or the status has changed.
    if (events.some(({ event }) => event === "step_changed" || event === "status_changed"))
      void this.readRecord();
  }

  private async readRecord(): Promise<void> {
    try {
      const { deployment, expected_ms } = await commands.deployment(this.id);
      this.deployment = deployment;
      this.expected = expected_ms;
    } catch (error) {
      this.failed = failure(error);
    }
  }
}
