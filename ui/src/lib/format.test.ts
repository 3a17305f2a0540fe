import { describe, expect, test } from "vitest";

import {
  ago,
  bytes,
  clockMinute,
  count,
  dayMinute,
  duration,
  list,
  mebibytes,
  sha,
  share,
  stopwatch,
  until,
  uptime,
} from "./format";

const now = Date.parse("2026-11-22T12:00:00Z");
const before = (ms: number) => new Date(now - ms).toISOString();

describe("ago", () => {
  test.each([
    [0, "just now"],
    [-5_000, "just now"],
    [9_999, "just now"],
    [10_000, "10s ago"],
    [59_999, "59s ago"],
    [60_000, "1m ago"],
    [3_599_999, "59m ago"],
    [2 * 3_600_000 + 59 * 60_000, "2h ago"],
    [6 * 86_400_000, "6d ago"],
    [10 * 86_400_000, "12 Nov"],
    [400 * 86_400_000, "18 Oct 2025"],
  ])("%d ms before is %s", (ms, text) => expect(ago(before(ms), now)).toBe(text));
});

test.each([
  [0, "0ms"],
  [-3, "0ms"],
  [840, "840ms"],
  [4_210, "4.2s"],
  [9_949, "9.9s"],
  [9_950, "10s"],
  [59_499, "59s"],
  [59_500, "1m 00s"],
  [65_000, "1m 05s"],
  [3_599_600, "1h 00m"],
  [7_440_000, "2h 04m"],
])("a duration of %d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

test.each([
  [999, "0s"],
  [59_999, "59s"],
  [65_900, "1m 05s"],
  [7_440_000, "2h 04m"],
])("a stopwatch at %d ms shows %s", (ms, text) => expect(stopwatch(ms)).toBe(text));

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [1_048_575, "1 MiB"],
  [1_288_490_189, "1.2 GiB"],
  [130 * 1024 ** 3, "130 GiB"],
])("%d bytes are %s", (n, text) => expect(bytes(n)).toBe(text));

test("2048 MiB are 2 GiB", () => expect(mebibytes(2048)).toBe("2 GiB"));

test("what is one stands in the singular", () => {
  expect(count(1, "module")).toBe("1 module");
  expect(count(1204, "line")).toBe("1,204 lines");
  expect(count(2, "entry", "entries")).toBe("2 entries");
});

test("a list names a few and counts the rest", () => {
  expect(list([])).toBe("");
  expect(list(["a"])).toBe("a");
  expect(list(["a", "b"])).toBe("a and b");
  expect(list(["a", "b", "c"])).toBe("a, b and c");
  expect(list(["a", "b", "c", "d"])).toBe("a, b and 2 more");
});

test("times to come, and times up", () => {
  expect(until(before(-3 * 86_400_000), now)).toBe("in 3d");
  expect(until(before(1), now)).toBe("now");
  expect(uptime(before(5 * 86_400_000), now)).toBe("5 days");
  expect(uptime(before(86_400_000), now)).toBe("1 day");
  expect(uptime(before(3_600_000), now)).toBe("1h 00m");
});

test("a share stays between nothing and all", () => {
  expect(share(1, 4)).toBe(0.25);
  expect(share(5, 4)).toBe(1);
  expect(share(1, 0)).toBe(0);
  expect(sha("0123456789abcdef")).toBe("0123456");
});

test("a moment of another day is said with its day", () => {
  const at = new Date(2026, 10, 24, 10, 42).getTime();
  expect(dayMinute(at, at + 3_600_000)).toBe(clockMinute(at));
  expect(dayMinute(at, at + 24 * 3_600_000)).toBe(`24 Nov, ${clockMinute(at)}`);
});
