import { beforeEach, expect, test, vi } from "vitest";

import { commands } from "./backend";
import { deploymentLog, LiveLog } from "./logsource";

beforeEach(() => {
  vi.spyOn(commands, "logLines").mockResolvedValue([]);
  vi.spyOn(commands, "logCounts").mockResolvedValue([
    { step: "installing_dependencies", level: "info", lines: 900_000 },
    { step: "installing_dependencies", level: "error", lines: 100_000 },
    { step: "connecting", level: "info", lines: 3 },
  ]);
});

test("groups stand in the order of the steps, their levels added up", async () => {
  expect(await deploymentLog("d").groups({ level: "debug", text: "" })).toEqual([
    { step: "connecting", lines: 3 },
    { step: "installing_dependencies", lines: 1_000_000 },
  ]);
});

test.each([
  [0, { from_end: false, skip: 0, limit: 250 }],
  [250_000, { from_end: false, skip: 250_000, limit: 250 }],
  [999_000, { from_end: true, skip: 750, limit: 250 }],
  [999_900, { from_end: true, skip: 0, limit: 100 }],
])("lines from %d are counted off from the nearer end", async (from, want) => {
  const log = deploymentLog("d");
  await log.groups({ level: "debug", text: "" });
  await log.lines("installing_dependencies", { level: "warning", text: "pip" }, from, 250);
  expect(commands.logLines).toHaveBeenLastCalledWith(
    "d",
    expect.objectContaining({ ...want, step: "installing_dependencies", level: "warning", text: "pip" }),
  );
});

test("the end of a growing log is no place to count from", async () => {
  const log = deploymentLog("d", () => true);
  await log.groups({ level: "debug", text: "" });
  await log.lines("installing_dependencies", { level: "debug", text: "" }, 999_000, 250);
  expect(commands.logLines).toHaveBeenLastCalledWith(
    "d",
    expect.objectContaining({ from_end: false, skip: 999_000, level: null, text: null }),
  );
});

test("a running Odoo's lines have its levels, and a traceback has that of its error", async () => {
  const log = new LiveLog();
  log.add([
    "2026-11-22 12:00:00,123 7 INFO acme odoo: up",
    "2026-11-22 12:00:01,456 7 ERROR acme odoo.http: Exception",
    "Traceback (most recent call last):",
    "2026-11-22 12:00:02,000 7 WARNING acme odoo: slow",
  ]);
  const errors = await log.lines("completed", { level: "error", text: "" }, 0, 10);
  expect(errors.map((line) => line.text)).toEqual([
    "2026-11-22 12:00:01,456 7 ERROR acme odoo.http: Exception",
    "Traceback (most recent call last):",
  ]);
  expect(errors[0]?.at).toBe("2026-11-22T12:00:01.456Z");
  expect(await log.groups({ level: "debug", text: "SLOW" })).toEqual([{ step: "completed", lines: 1 }]);
});

test("of very many lines the latest are kept", async () => {
  const log = new LiveLog();
  for (let i = 0; i < 60; i += 1) log.add(Array.from({ length: 500 }, (_, n) => `line ${i * 500 + n}`));
  const [group] = await log.groups({ level: "debug", text: "" });
  expect(group?.lines).toBeLessThanOrEqual(22_000);
  expect(log.text({ level: "debug", text: "line 29999" })).toBe("line 29999");
});
