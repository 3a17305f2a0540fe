import { describe, expect, test } from "vitest";

import type { Event, Step, StepStatus } from "./model";
import { steps } from "./model";
import { KEPT, apply, begin, current, isOver, position, recorded, withEarlier } from "./progress";

const at = "2026-11-22T12:00:00Z";
type Kind = Event extends infer E
  ? E extends Event
    ? Omit<E, "seq" | "deployment_id" | "at">
    : never
  : never;
const events = (from: number, ...kinds: Kind[]): Event[] =>
  kinds.map((kind, i) => ({ seq: from + i, deployment_id: "d", at, ...kind }) as Event);
const line = (step: Step, text: string, level: "debug" | "info" = "info"): Kind => ({
  event: "line",
  step,
  level,
  text,
});
const step = (id: Step, status: StepStatus, message: string | null = null): Kind => ({
  event: "step_changed",
  step: id,
  status,
  message,
});

describe("apply", () => {
  test("a step runs, speaks and is done", () => {
    const known = apply(
      begin("queued"),
      events(
        1,
        { event: "status_changed", status: "building", error: null },
        step("initializing", "running"),
        line("initializing", "Reading"),
        line("initializing", "noise", "debug"),
      ),
    );
    expect(known.status).toBe("building");
    expect(current(known)).toMatchObject({
      step: "initializing",
      status: "running",
      message: "Reading",
      said: 2,
    });
    const after = apply(known, events(5, step("initializing", "done", "Plan made")));
    expect(after.steps[0]).toMatchObject({
      status: "done",
      message: "Plan made",
      startedAt: at,
      finishedAt: at,
    });
  });

  test("what was seen before counts for nothing, whole batches and parts of them", () => {
    const first = events(1, line("connecting", "one"), line("connecting", "two"));
    const known = apply(begin("building"), first);
    expect(apply(known, first)).toBe(known);
    const again = apply(known, [...first, ...events(3, line("connecting", "three"))]);
    expect(again.steps[1]?.lines.map((l) => l.text)).toEqual(["one", "two", "three"]);
    expect(again.steps[1]?.said).toBe(3);
  });

  test("does not change what it was given", () => {
    const known = begin("building");
    const copy = structuredClone(known);
    apply(known, events(1, step("connecting", "running"), line("connecting", "x")));
    expect(known).toEqual(copy);
  });

  test("steps that nothing happened to stay the same objects", () => {
    const known = begin("building");
    const next = apply(known, events(1, line("connecting", "x")));
    expect(next.steps[0]).toBe(known.steps[0]);
    expect(next.steps[1]).not.toBe(known.steps[1]);
  });

  test("keeps the latest lines of a step, and counts all", () => {
    const many = Array.from({ length: KEPT * 3 + 7 }, (_, i) => line("installing_dependencies", String(i)));
    let known = begin("building");
    for (let from = 0; from < many.length; from += 90) {
      known = apply(known, events(from + 1, ...many.slice(from, from + 90)));
    }
    const pip = known.steps[7];
    expect(pip?.said).toBe(many.length);
    expect(pip?.lines).toHaveLength(KEPT);
    expect(pip?.lines.at(-1)?.text).toBe(String(many.length - 1));
    expect(pip?.lines[0]?.text).toBe(String(many.length - KEPT));
    const once = apply(begin("building"), events(1, ...many));
    expect(once.steps[7]).toEqual(pip);
  });

  test("a failure keeps its error", () => {
    const error = {
      code: "migration_failed",
      message: "m",
      hint: "h",
      step: "initializing_database",
      cause: "c",
    } as const;
    const known = apply(
      begin("deploying"),
      events(1, step("initializing_database", "failed"), {
        event: "status_changed",
        status: "rolled_back",
        error,
      }),
    );
    expect(known.error).toEqual(error);
    expect(isOver(known)).toBe(true);
    expect(current(known)?.step).toBe("initializing_database");
  });
});

describe("position", () => {
  const done = (n: number) => steps.slice(0, n).map(({ step: id }) => step(id, "done"));

  test("nothing yet", () => expect(position(begin("queued"))).toEqual({ at: 0, of: 15, share: 0 }));

  test("step 5 of 15, four of them over", () => {
    const known = apply(begin("building"), events(1, ...done(4), step("cloning_repositories", "running")));
    expect(position(known)).toEqual({ at: 5, of: 15, share: 4 / 15 });
  });

  test("between two steps: the one that was last", () => {
    const known = apply(begin("building"), events(1, ...done(4)));
    expect(position(known).at).toBe(4);
  });

  test("failed in step 11: it stays there, though the later ones were skipped", () => {
    const rest = steps.slice(11).map(({ step: id }) => step(id, "skipped"));
    const known = apply(
      begin("deploying"),
      events(1, ...done(10), step("initializing_database", "failed"), ...rest),
    );
    expect(position(known)).toEqual({ at: 11, of: 15, share: 10 / 15 });
  });

  test("all of it", () => {
    const known = apply(
      begin("deploying"),
      events(1, ...done(15), { event: "status_changed", status: "success", error: null }),
    );
    expect(position(known)).toEqual({ at: 15, of: 15, share: 1 });
  });
});

describe("recorded", () => {
  const counts = [
    { step: "connecting", level: "info", lines: 3 },
    { step: "connecting", level: "warning", lines: 1 },
  ] as const;
  const records = [
    {
      deployment_id: "d",
      step: "connecting",
      status: "done",
      message: "Docker 27",
      output: null,
      started_at: at,
      finished_at: at,
    },
  ] as const;

  test("goes on from what the store had, without counting anything twice", () => {
    const known = recorded({ status: "building", error: null }, records, counts, 9);
    expect(known.steps[1]).toMatchObject({ status: "done", message: "Docker 27", said: 4, lines: [] });
    expect(apply(known, events(9, line("connecting", "old")))).toBe(known);
    expect(apply(known, events(10, line("connecting", "new"))).steps[1]).toMatchObject({
      said: 5,
      message: "new",
    });
  });

  test("earlier lines go before those that came meanwhile, each once", () => {
    const known = apply(
      recorded({ status: "building", error: null }, records, counts, 9),
      events(10, line("connecting", "ten")),
    );
    const earlier = [8, 9, 10].map((seq) => ({ seq, at, level: "info" as const, text: String(seq) }));
    const all = withEarlier(known, "connecting", earlier);
    expect(all.steps[1]?.lines.map((l) => l.text)).toEqual(["8", "9", "ten"]);
    expect(all.steps[1]?.said).toBe(5);
  });
});
