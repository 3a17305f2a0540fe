// Everything at one look: projects, environments and servers, kept current while the app runs.

import { commands } from "./backend";
import type { Overview } from "./model";
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
