import { expect, test } from "vitest";

import { overview, rows } from "../fixtures/data";
import { byProject, tally } from "./rows";

test("production stands first, then staging, then what one develops with", () => {
  const shuffled = [...rows].reverse();
  const [[project, its] = ["", []]] = byProject(shuffled);
  expect(project).toBe("acme");
  expect(its.map(({ environment }) => environment.name)).toEqual(["production", "staging", "edi-tests"]);
  expect(byProject(shuffled).map(([name]) => name)).toEqual(overview.projects.map(({ name }) => name));
});

test("one look: what serves, what runs, what went wrong, what was never deployed", () => {
  // Six serve, also while one of them is deployed; of the two that failed, one serves what it served before.
  expect(tally(rows)).toEqual({ live: 6, running: 2, failed: 2, pending: 1 });
  expect(tally([])).toEqual({ live: 0, running: 0, failed: 0, pending: 0 });
});
