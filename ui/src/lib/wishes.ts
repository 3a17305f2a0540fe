// What one click asks for, wherever the click is.

import { commands } from "./backend";
import { openDialog } from "./dialogs.svelte";
import type { DeploymentSummary } from "./model";
import { sayFailure } from "./toasts.svelte";

/**
 * Asks for the same commits again: by the plan as it would be now, or, for what went back, by what it would take away now.
 * Neither is what it was then.
 */
export async function retry(deployment: DeploymentSummary): Promise<void> {
  if (deployment.rollback_of !== null) await rollBackAgain(deployment).catch(sayFailure);
  else openDialog({ kind: "deploy", environment: deployment.environment_id, again: deployment });
}

async function rollBackAgain({ id, rollback_of, environment_id }: DeploymentSummary): Promise<void> {
  const { restore } = (await commands.deployment(id)).deployment;
  const target = rollback_of === null ? null : (await commands.deployment(rollback_of)).deployment;
  openDialog({ kind: "roll_back", environment: environment_id, deployment: target, data: restore !== null });
}
