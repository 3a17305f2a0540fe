// What one click asks for, wherever the click is.

import { commands, newWish } from "./backend";
import type { DeploymentSummary } from "./model";
import { noteChange } from "./overview.svelte";
import { environmentAddress, go } from "./place.svelte";
import { say, sayFailure } from "./toasts.svelte";

/** A second click on the same button is the same wish. */
const retries = new Map<string, string>();

/** Deploys the same commits again, and goes to where it can be watched. */
export async function retry({ id, number, environment_id }: DeploymentSummary): Promise<void> {
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
