// Which dialog is open. There is one at a time, opened from a screen, the palette or a key alike.

import type { DeploymentSummary, Project, Server, Snapshot } from "./model";

export type Dialog =
  | { kind: "palette" }
  | { kind: "deploy"; environment: string; again?: DeploymentSummary }
  | { kind: "roll_back"; environment: string; deployment: DeploymentSummary | null; data?: boolean }
  | { kind: "cancel"; deployment: DeploymentSummary; name: string }
  | { kind: "destroy"; environment: string }
  | { kind: "environment"; project: string | null }
  | { kind: "project"; project: Project | null }
  | { kind: "server"; server: Server | null; connect?: boolean }
  | { kind: "forget_server"; server: Server }
  | { kind: "forget_project"; project: Project }
  | { kind: "delete_snapshot"; snapshot: Snapshot; name: string; number: number | null }
  | { kind: "download_snapshot"; snapshot: Snapshot; name: string }
  | { kind: "unlock" }
  | { kind: "quit"; preparing: string[]; cuttingOver: string[] };

let current = $state.raw<Dialog | null>(null);

/** The dialog that is open. */
export function dialog(): Dialog | null {
  return current;
}

/** Opens a dialog in place of any other. */
export function openDialog(next: Dialog): void {
  current = next;
}

/** Closes the dialog. */
export function closeDialog(): void {
  current = null;
}
