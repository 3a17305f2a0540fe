import { expect, test } from "vitest";

import { overview, rows, withOneDown } from "../fixtures/data";
import { byProject, standing, tally } from "./rows";

test("production stands first, then staging, then what one develops with", () => {
  const shuffled = [...rows].reverse();
  const [[project, its] = ["", []]] = byProject(shuffled);
  expect(project).toBe("acme");
  expect(its.map(({ environment }) => environment.name)).toEqual(["production", "staging", "edi-tests"]);
  expect(byProject(shuffled).map(([name]) => name)).toEqual(overview.projects.map(({ name }) => name));
});

test("one look: what serves, what runs, what went wrong, what was never deployed", () => {
  // Six serve, also while one of them is deployed; of the two that failed, one serves what it served before.
  expect(tally(rows)).toEqual({ live: 6, running: 2, down: 0, failed: 2, pending: 1 });
  expect(tally([])).toEqual({ live: 0, running: 0, down: 0, failed: 0, pending: 0 });
});

test("what doesn't answer isn't live, however its last deployment ended", () => {
  const { environments } = withOneDown;
  expect(tally(environments)).toEqual({ live: 5, running: 2, down: 1, failed: 2, pending: 1 });
  const words = environments.map((row) => standing(row).word);
  expect(words.filter((word) => word === "Not answering")).toHaveLength(1);
  const down = environments.find((row) => row.down);
  expect(down?.status).toBe("success");
  expect(down && standing(down)).toMatchObject({ status: "failed", meaning: down?.down?.message });
});
