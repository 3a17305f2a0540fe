import { describe, expect, test, vi } from "vitest";

import { CHUNK, Layout, LineCache, nextMatch, nth, Scroll, type LogSource, type Query } from "./logs";
import type { LogLine, Step } from "./model";

const all: Query = { level: "info", text: "" };

describe("layout", () => {
  const groups = [
    { step: "connecting", lines: 3 },
    { step: "cloning_repositories", lines: 0 },
    { step: "completed", lines: 2 },
  ] as const;

  test("headings and lines take turns", () => {
    const layout = new Layout(groups, new Set());
    expect(layout.rows).toBe(8);
    expect([0, 1, 3, 4, 5, 7].map((row) => layout.at(row))).toEqual([
      { kind: "step", step: "connecting" },
      { kind: "line", step: "connecting", place: 0 },
      { kind: "line", step: "connecting", place: 2 },
      { kind: "step", step: "cloning_repositories" },
      { kind: "step", step: "completed" },
      { kind: "line", step: "completed", place: 1 },
    ]);
    expect(layout.at(8)).toBeNull();
    expect(layout.at(-1)).toBeNull();
    expect(layout.startOf("completed")).toBe(5);
    expect(layout.startOf("health_check")).toBe(-1);
  });

  test("a folded step keeps its heading", () => {
    const layout = new Layout(groups, new Set<Step>(["connecting"]));
    expect(layout.rows).toBe(5);
    expect(layout.at(1)).toEqual({ kind: "step", step: "cloning_repositories" });
  });

  test("without headings every row is a line, also behind empty steps", () => {
    const layout = new Layout([{ step: "connecting", lines: 0 }, ...groups], new Set(), false);
    expect(layout.rows).toBe(5);
    expect(layout.at(0)).toEqual({ kind: "line", step: "connecting", place: 0 });
    expect(layout.at(3)).toEqual({ kind: "line", step: "completed", place: 0 });
  });

  test("nothing at all", () => expect(new Layout([], new Set()).at(0)).toBeNull());
});

describe("matches", () => {
  const groups = [
    { step: "connecting", lines: 2 },
    { step: "cloning_repositories", lines: 0 },
    { step: "completed", lines: 1 },
  ] as const;

  test("are counted through all steps", () => {
    expect([0, 1, 2].map((n) => nth(groups, n))).toEqual([
      { step: "connecting", place: 0 },
      { step: "connecting", place: 1 },
      { step: "completed", place: 0 },
    ]);
    expect(nth(groups, 3)).toBeNull();
  });

  test("go round in both directions", () => {
    expect([nextMatch(null, 1, 3), nextMatch(0, 1, 3), nextMatch(2, 1, 3)]).toEqual([0, 1, 0]);
    expect([nextMatch(null, -1, 3), nextMatch(1, -1, 3), nextMatch(0, -1, 3)]).toEqual([2, 0, 2]);
    expect(nextMatch(null, 1, 0)).toBeNull();
  });
});

describe("cache", () => {
  const line = (place: number): LogLine => ({
    seq: place + 1,
    deployment_id: "d",
    step: "connecting",
    level: "info",
    at: "2026-11-22T12:00:00Z",
    text: `line ${place}`,
  });
  function setup(length = 1_000_000) {
    let total = length;
    const lines = vi.fn<LogSource["lines"]>((_step, _query, from, count) =>
      Promise.resolve(
        Array.from({ length: Math.max(0, Math.min(count, total - from)) }, (_, i) => line(from + i)),
      ),
    );
    const changed = vi.fn();
    const cache = new LineCache({ groups: () => Promise.resolve([]), lines }, all, changed);
    return { cache, lines, changed, grow: (by: number) => (total += by) };
  }

  test("asks once for what is looked at, and has it then", async () => {
    const { cache, lines, changed } = setup();
    expect(cache.line("connecting", 777_777)).toBeNull();
    expect(cache.line("connecting", 777_778)).toBeNull();
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(lines).toHaveBeenCalledExactlyOnceWith("connecting", all, 777_750, CHUNK);
    expect(cache.line("connecting", 777_777)?.text).toBe("line 777777");
  });

  test("forgets what was looked at longest ago", async () => {
    const { cache, lines, changed } = setup();
    for (let chunk = 0; chunk < 81; chunk += 1) {
      cache.line("connecting", chunk * CHUNK);
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(chunk + 1));
      // Looked at again and again, the second chunk stays.
      if (chunk > 0) cache.line("connecting", CHUNK);
    }
    expect(cache.line("connecting", CHUNK)).not.toBeNull();
    lines.mockClear();
    expect(cache.line("connecting", 0)).toBeNull();
    expect(lines).toHaveBeenCalledOnce();
  });

  test("an answer to another question is thrown away", async () => {
    const { cache, lines, changed } = setup();
    let answer: (lines: LogLine[]) => void = () => undefined;
    lines.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
    cache.line("connecting", 0);
    cache.reset({ level: "error", text: "" });
    answer([{ ...line(0), text: "of before" }]);
    cache.line("connecting", 0);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(cache.line("connecting", 0)?.text).toBe("line 0");
  });

  test("shows what a step has said since", async () => {
    const { cache, changed, grow } = setup(10);
    cache.line("connecting", 0);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(cache.line("connecting", 10)).toBeNull();
    grow(5);
    cache.grown("connecting", 10);
    expect(cache.line("connecting", 9)).not.toBeNull();
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2));
    expect(cache.line("connecting", 10)?.text).toBe("line 10");
  });

  test("asks again after a failure", async () => {
    const { lines } = setup();
    const failed = vi.fn();
    lines.mockRejectedValueOnce(new Error("gone"));
    const changed = vi.fn();
    const cache = new LineCache({ groups: () => Promise.resolve([]), lines }, all, changed, failed);
    cache.line("connecting", 0);
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce());
    cache.line("connecting", 0);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
  });
});

describe("scroll", () => {
  test("a log that fits is scrolled as it is", () => {
    const scroll = new Scroll(10_000, 500);
    scroll.moved(1234);
    expect(scroll.top).toBe(1234);
    expect(scroll.tall).toBe(10_000);
    expect(scroll.to(1e9)).toBe(9_500);
  });

  test("20 million pixels: small moves are exact, large ones go to their share, the ends are the ends", () => {
    const scroll = new Scroll(20_000_000, 500);
    expect(scroll.tall).toBe(8_000_000);
    scroll.moved(60);
    expect(scroll.top).toBe(60);
    scroll.moved(4_000_000);
    expect(scroll.top / 20_000_000).toBeCloseTo(0.5, 3);
    const there = scroll.top;
    scroll.moved(4_000_020);
    expect(scroll.top).toBe(there + 20);
    scroll.moved(8_000_000 - 500);
    expect(scroll.top).toBe(20_000_000 - 500);
    scroll.moved(0);
    expect(scroll.top).toBe(0);
  });

  test("the bar is put where it belongs after small moves", () => {
    const scroll = new Scroll(20_000_000, 500);
    scroll.to(10_000_000);
    const before = scroll.settled();
    scroll.moved(before + 1000);
    expect(scroll.top).toBe(10_001_000);
    expect(scroll.settled() - before).toBeCloseTo(400, 0);
  });
});
