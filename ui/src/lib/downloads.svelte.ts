// Downloads of snapshots. They go on while one looks at something else.

import { SvelteMap } from "svelte/reactivity";

import { commands, downloadSnapshot, errorOf, newWish } from "./backend";
import type { DownloadProgress, WishId } from "./backend";
import { bytes, count } from "./format";
import { say, sayAtLast, sayFailure } from "./toasts.svelte";

export type Download = { wish: WishId; progress: DownloadProgress | null; cancelled: boolean };

const running = new SvelteMap<string, Download>();

/** The download of a snapshot that is under way. */
export function downloadOf(snapshot: string): Download | null {
  return running.get(snapshot) ?? null;
}

/**
 * Begins to download a snapshot. Fails when it can't begin; what goes wrong later, and its end, is said in the corner.
 */
export async function download(snapshot: string, to: string): Promise<void> {
  if (running.has(snapshot)) return;
  const wish = newWish();
  running.set(snapshot, { wish, progress: null, cancelled: false });
  let begun = false;
  await new Promise<void>((begin, fail) => {
    const hear = (progress: DownloadProgress) => {
      const known = running.get(snapshot);
      if (known?.wish === wish) running.set(snapshot, { ...known, progress });
      begun = true;
      begin();
    };
    downloadSnapshot(wish, snapshot, to, hear)
      .then(
        ({ path, missing }) => {
          const without =
            missing.length > 0
              ? `, without ${count(missing.length, "file")} that the server has no more`
              : "";
          sayAtLast(`Saved as ${path}${without}`);
          begin();
        },
        (error: unknown) => {
          if (!begun) fail(errorOf(error));
          else if (errorOf(error).code === "cancelled") say("The download was cancelled");
          else sayFailure(error, "The download broke off.");
        },
      )
      .finally(() => running.delete(snapshot));
  });
}

/** Ends the download of a snapshot. It leaves no file. */
export async function cancelDownload(snapshot: string): Promise<void> {
  const known = running.get(snapshot);
  if (!known) return;
  running.set(snapshot, { ...known, cancelled: true });
  await commands.cancelDownload(known.wish);
}

/** How far it has come, in words. */
export function downloadWords({ progress, cancelled }: Download): string {
  if (cancelled) return "Cancelling";
  if (!progress) return "Connecting";
  const what = progress.part === "database" ? "Database" : "Files";
  const of = progress.of ? ` of ${bytes(Math.max(progress.of, progress.done))}` : "";
  return `${what} ${bytes(progress.done)}${of}`;
}
