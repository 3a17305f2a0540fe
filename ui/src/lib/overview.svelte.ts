// Everything at one look: projects, environments and servers, kept current while the app runs.

import { commands } from "./backend";
import type { EnvironmentRow, Overview } from "./model";
import { Resource } from "./resource.svelte";

/** How often changes are looked at, at most: a deployment says many things a second. In milliseconds. */
const PACE = 250;

/** What is known of everything. */
export const overview = new Resource<Overview>(() => commands.overview());

let changes = $state(0);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Counts up when something has changed, by whichever process: whoever reads it in an effect reads anew. */
export function changed(): number {
  return changes;
}

/** Something has changed: all lists are read anew, soon. */
export function noteChange(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    changes += 1;
    void overview.refresh();
  }, PACE);
}

/** The environment of this identity, as lists show it. */
export function environmentRow(id: string): EnvironmentRow | null {
  return overview.value?.environments.find((row) => row.environment.id === id) ?? null;
}

/** Its name as people say it. */
export function environmentName(row: EnvironmentRow): string {
  return `${row.project} / ${row.environment.name}`;
}

/** Production first, then staging, then what one develops with; within a kind by name. */
const order = { production: 0, staging: 1, development: 2 };

/** The environments by project, in the order in which people look for them. */
export function byProject(rows: readonly EnvironmentRow[]): [string, EnvironmentRow[]][] {
  const projects = new Map<string, EnvironmentRow[]>();
  for (const row of rows) projects.set(row.project, [...(projects.get(row.project) ?? []), row]);
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
  failed: number;
  pending: number;
} {
  const sum = { live: 0, running: 0, failed: 0, pending: 0 };
  for (const { status, live, under_way } of rows) {
    if (under_way.length > 0) sum.running += 1;
    else if (status === "failed" || status === "rolled_back") sum.failed += 1;
    if (live) sum.live += 1;
    else if (status === "pending") sum.pending += 1;
  }
  return sum;
}
