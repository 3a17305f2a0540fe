// Environments as lists show them: in which order, under which name, and how many stand how.

import { statusMeanings, statusWords, type EnvironmentRow, type Status } from "./model";

/** Its name as people say it. */
export function environmentName(row: EnvironmentRow): string {
  return `${row.project} / ${row.environment.name}`;
}

/** How an environment stands: what its status looks like, the word for it, and what it means. */
export type Standing = { status: Status; word: string; meaning: string };

/** How an environment stands. What doesn't answer goes before how its last deployment ended. */
export function standing({ status, down }: EnvironmentRow): Standing {
  if (down) return { status: "failed", word: "Not answering", meaning: down.message };
  const word = status === "success" ? "Live" : statusWords[status];
  return { status, word, meaning: statusMeanings[status] };
}

/** Production first, then staging, then what one develops with; within a kind by name. */
const order = { production: 0, staging: 1, development: 2 };

/** The environments by project, in the order in which people look for them; or in the order they are given in, best first. */
export function byProject(
  rows: readonly EnvironmentRow[],
  sorting: "by name" | "as given" = "by name",
): [string, EnvironmentRow[]][] {
  const projects = new Map<string, EnvironmentRow[]>();
  for (const row of rows) projects.set(row.project, [...(projects.get(row.project) ?? []), row]);
  if (sorting === "as given") return [...projects];
  for (const its of projects.values()) {
    its.sort(
      (a, b) =>
        order[a.environment.kind] - order[b.environment.kind] ||
        a.environment.name.localeCompare(b.environment.name),
    );
  }
  return [...projects].sort(([a], [b]) => a.localeCompare(b));
}

/** How many stand how: what one look has to answer. */
export function tally(rows: readonly EnvironmentRow[]): {
  live: number;
  running: number;
  down: number;
  failed: number;
  pending: number;
} {
  const sum = { live: 0, running: 0, down: 0, failed: 0, pending: 0 };
  for (const { status, live, under_way, down } of rows) {
    if (under_way.length > 0) sum.running += 1;
    else if (down) sum.down += 1;
    else if (status === "failed" || status === "rolled_back") sum.failed += 1;
    if (live && !down) sum.live += 1;
    else if (!live && status === "pending") sum.pending += 1;
  }
  return sum;
}
