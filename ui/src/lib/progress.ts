// What a follower of a deployment has learnt so far: a pure function from what was known and what came.

import {
  isFinished,
  steps,
  type DeploymentError,
  type Event,
  type Level,
  type LineCount,
  type Status,
  type Step,
  type StepRecord,
  type StepStatus,
} from "./model";

/** How many of a step's latest lines are kept. The rest is in the log. */
export const KEPT = 400;

export type Line = { seq: number; at: string; level: Level; text: string };

/** One of the 15 steps, as far as it got. */
export type StepProgress = {
  step: Step;
  status: StepStatus;
  /** What it says about itself, or its latest line. */
  message: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  /** Its latest lines, at most `KEPT`. */
  lines: Line[];
  /** How many lines it has said. */
  said: number;
};

export type Progress = {
  /** The last event that counted; whoever reads on asks for what comes after it. */
  seq: number;
  status: Status;
  error: DeploymentError | null;
  steps: StepProgress[];
};

/** Before anything is known. */
export function begin(status: Status): Progress {
  return {
    seq: 0,
    status,
    error: null,
    steps: steps.map(({ step }) => ({
      step,
      status: "pending",
      message: null,
      startedAt: null,
      finishedAt: null,
      lines: [],
      said: 0,
    })),
  };
}

/** What the store has recorded up to event `seq`. The lines themselves are read when they are looked at. */
export function recorded(
  deployment: { status: Status; error: DeploymentError | null },
  records: readonly StepRecord[],
  counts: readonly LineCount[],
  seq: number,
): Progress {
  const known = begin(deployment.status);
  return {
    ...known,
    seq,
    error: deployment.error,
    steps: known.steps.map((step) => {
      const record = records.find((record) => record.step === step.step);
      const said = counts.reduce((sum, count) => sum + (count.step === step.step ? count.lines : 0), 0);
      if (!record) return { ...step, said };
      const { status, message, started_at, finished_at } = record;
      return { ...step, said, status, message, startedAt: started_at, finishedAt: finished_at };
    }),
  };
}

/** The same with lines that a step had said before those that are known. */
export function withEarlier(progress: Progress, step: Step, earlier: readonly Line[]): Progress {
  const next = { ...progress, steps: [...progress.steps] };
  change(next, step, (known) => {
    const first = known.lines[0]?.seq ?? Infinity;
    const fresh = earlier.filter((line) => line.seq < first);
    return { ...known, lines: [...fresh, ...known.lines].slice(-KEPT) };
  });
  return next;
}

/** What is known after these events. Events that were seen before count for nothing. */
export function apply(progress: Progress, events: readonly Event[]): Progress {
  const fresh = events.filter((event) => event.seq > progress.seq);
  if (fresh.length === 0) return progress;
  const next = { ...progress, steps: [...progress.steps] };
  const lines = new Map<Step, Line[]>();
  for (const event of fresh) {
    next.seq = Math.max(next.seq, event.seq);
    if (event.event === "line") {
      const { seq, at, level, text } = event;
      const said = lines.get(event.step);
      if (said) said.push({ seq, at, level, text });
      else lines.set(event.step, [{ seq, at, level, text }]);
    } else if (event.event === "step_changed") {
      change(next, event.step, (step) => stepChanged(step, event.status, event.message, event.at));
    } else if (event.event === "status_changed") {
      next.status = event.status;
      next.error = event.error ?? next.error;
    }
  }
  for (const [step, said] of lines) change(next, step, (known) => withLines(known, said));
  return next;
}

/** The step that is under way, or the one that ended the deployment; the last one when all is done. */
export function current(progress: Progress): StepProgress | null {
  return (
    progress.steps.find((step) => step.status === "running") ??
    progress.steps.find((step) => step.status === "failed" || step.status === "cancelled") ??
    progress.steps.findLast((step) => step.status !== "pending") ??
    null
  );
}

/** Where it stands: step `at` of `of`, and how full the bar is, from 0 to 1. */
export function position(progress: Progress): { at: number; of: number; share: number } {
  const of = progress.steps.length;
  const now = current(progress);
  const at = now ? progress.steps.indexOf(now) + 1 : 0;
  const over = progress.steps.filter((step) => step.status === "done" || step.status === "skipped").length;
  const all = progress.status === "success";
  return { at: all ? of : at, of, share: all ? 1 : Math.min(over, Math.max(0, at - 1)) / of };
}

function change(progress: Progress, step: Step, how: (step: StepProgress) => StepProgress): void {
  const at = progress.steps.findIndex((known) => known.step === step);
  const known = progress.steps[at];
  if (known) progress.steps[at] = how(known);
}

function stepChanged(
  step: StepProgress,
  status: StepStatus,
  message: string | null,
  at: string,
): StepProgress {
  const over = status !== "running" && status !== "pending";
  return {
    ...step,
    status,
    message: message ?? step.message,
    startedAt: step.startedAt ?? (status === "running" ? at : null),
    finishedAt: over ? at : null,
  };
}

function withLines(step: StepProgress, said: Line[]): StepProgress {
  const lines = said.length >= KEPT ? said.slice(-KEPT) : [...step.lines.slice(said.length - KEPT), ...said];
  const latest = said.findLast((line) => line.level !== "debug") ?? null;
  return {
    ...step,
    lines: lines.slice(-KEPT),
    said: step.said + said.length,
    message: latest?.text ?? step.message,
  };
}

/** Whether there is nothing more to follow. */
export function isOver(progress: Progress): boolean {
  return isFinished(progress.status);
}
