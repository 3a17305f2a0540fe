// What one click asks for, wherever the click is.

import { commands, newWish } from "./backend";
import { openDialog } from "./dialogs.svelte";
import type { DeploymentSummary } from "./model";
import { noteChange } from "./overview.svelte";
import { environmentAddress, go } from "./place.svelte";
import { say, sayFailure } from "./toasts.svelte";

/** A second click on the same button is the same wish. */
const retries = new Map<string, string>();

/**
 * Deploys the same commits again, and goes to where it can be watched. Going back is asked for as the first time: what it
 * takes away isn't what it was then.
 */
export async function retry(deployment: DeploymentSummary): Promise<void> {
  const { id, number, environment_id } = deployment;
  if (deployment.rollback_of !== null) {
    await rollBackAgain(deployment).catch(sayFailure);
    return;
  }
  const wish = retries.get(id) ?? newWish();
  retries.set(id, wish);
  try {
    const deployment = await commands.retry(wish, id);
    say(`Retrying #${number} as #${deployment.number}`);
    noteChange();
    go(environmentAddress(environment_id));
  } catch (error) {
    sayFailure(error);
  } finally {
    retries.delete(id);
  }
}

async function rollBackAgain({ id, rollback_of, environment_id }: DeploymentSummary): Promise<void> {
  const { restore } = (await commands.deployment(id)).deployment;
  const target = rollback_of === null ? null : (await commands.deployment(rollback_of)).deployment;
  openDialog({ kind: "roll_back", environment: environment_id, deployment: target, data: restore !== null });
}
