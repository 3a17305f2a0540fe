// What the app tells its window unasked: something changed, go there, may I quit.

import { attach, commands, type Place, type Signal } from "./backend";
import { closeDialog, openDialog } from "./dialogs.svelte";
import { noteChange } from "./overview.svelte";
import { address, environmentAddress, go } from "./place.svelte";
import { sayFailure } from "./toasts.svelte";

/** Listens from now on. */
export async function listen(): Promise<void> {
  await attach(hear);
}

/** Does what a signal means for the window. */
export function hear(signal: Signal): void {
  if (signal.signal === "changed") noteChange();
  else if (signal.signal === "quit_asked") {
    openDialog({ kind: "quit", preparing: signal.preparing, cuttingOver: signal.cutting_over });
  } else {
    closeDialog();
    open(signal.place).catch(sayFailure);
  }
}

async function open(place: Place): Promise<void> {
  if (place.kind === "environment") go(environmentAddress(place.environment));
  else if (place.kind === "deploy") {
    go(environmentAddress(place.environment));
    openDialog({ kind: "deploy", environment: place.environment });
  } else if (place.kind === "deployment") {
    const { deployment } = await commands.deployment(place.deployment);
    go(environmentAddress(deployment.environment_id, "logs", deployment.id));
  } else go(address(place.kind));
}
