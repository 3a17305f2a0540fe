// What can be done with an environment now, and if not, why. Screens, keys and the palette ask here.

import type { Form } from "./form.svelte";
import type { Environment, EnvironmentRow } from "./model";
import { isRunning } from "./model";

/** An action with the reason why it can't be done now. */
export type Action = { title: string; reason: string | null };

/** Deploy for one that never was, Redeploy otherwise. */
export function deployAction(
  row: EnvironmentRow,
  more: { unsaved?: boolean; capacity?: string | null } = {},
): Action {
  const title =
    row.latest === null || (row.live === null && row.status === "pending") ? "Deploy" : "Redeploy";
  return { title, reason: reasonAgainst(row, more) };
}

function reasonAgainst(
  row: EnvironmentRow,
  more: { unsaved?: boolean; capacity?: string | null },
): string | null {
  if (row.environment.server_id === null) return "No server assigned: choose one in Settings → Resources";
  if (more.unsaved) return "Unsaved changes: save or discard them first";
  if (more.capacity) return more.capacity;
  return null;
}

/** Going back to an earlier version. */
export function rollBackAction(row: EnvironmentRow): Action {
  const title = "Roll back";
  if (!row.live) return { title, reason: "Nothing is deployed yet" };
  if (underWay(row)) return { title, reason: "A deployment is under way" };
  return { title, reason: null };
}

/** Opening it in the browser. */
export function openAction(row: EnvironmentRow): Action {
  const title = "Open";
  if (!row.address) return { title, reason: "No server assigned, so no address" };
  if (!row.live) return { title, reason: "Nothing is deployed yet" };
  return { title, reason: null };
}

/** What only Slipway itself goes by: nothing of what is live changes with it. */
const OURS: (keyof Environment)[] = [
  "kind",
  "hold_limit_s",
  "health_limit_s",
  "update_limit_s",
  "auto_deploy",
  "deploy_on_push",
  "retention",
  "notify",
  "demo_data",
  "language",
];

/** Whether the changed settings are deployed by themselves when they are saved. */
export function deploysWhenSaved(row: EnvironmentRow, form: Form<Environment>): boolean {
  return form.draft.auto_deploy && row.live !== null && form.changed.some((key) => !OURS.includes(key));
}

/** The deployment that is carried out now, or the first that waits. */
export function underWay(row: EnvironmentRow): EnvironmentRow["under_way"][number] | null {
  return (
    row.under_way.find(({ deployment }) => deployment.status !== "queued" && isRunning(deployment.status)) ??
    row.under_way[0] ??
    null
  );
}
