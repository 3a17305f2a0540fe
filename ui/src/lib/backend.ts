// The only door to the app's other half: nothing else imports @tauri-apps/* or the generated bindings.
// Screens get functions and types from here, so that tests can put something else in its place.
//
// Every function that fails throws; `errorOf` makes an EngineError of what was caught. Every function that changes
// something takes a `WishId` first: make one by `newWish()` for each wish of the user's, and repeat it when the same wish is
// sent again. What was begun for it once isn't done twice.

import { setTheme } from "@tauri-apps/api/app";
import { Channel } from "@tauri-apps/api/core";

import { commands } from "./bindings";
import type {
  Batch,
  DownloadProgress,
  Downloaded,
  EngineError,
  Event,
  FollowId,
  GivenSecret,
  Server,
  Signal,
  Usage,
  WishId,
} from "./bindings";

export { commands, steps } from "./bindings";
export type * from "./bindings";

/** A new wish: a UUID of version 7. Later ones sort after earlier ones. */
export function newWish(): WishId {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let time = Date.now();
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A name for a new secret, to stand in the settings that it belongs to and in the `GivenSecret` beside them. */
export const newSecretName = newWish;

/** What was caught from a function of this file, as an error with a code to switch on. */
export function errorOf(caught: unknown): EngineError {
  if (typeof caught === "object" && caught !== null && "code" in caught && "hint" in caught) {
    return caught as EngineError;
  }
  return {
    code: "internal",
    message: "The window and the app behind it don't understand each other.",
    hint: "This is a mistake in Slipway. Please report it with the details.",
    detail: caught instanceof Error ? caught.message : String(caught),
  };
}

/** Hears what the app says unasked, from now on, in place of whoever heard it before. */
export async function attach(hear: (signal: Signal) => void): Promise<void> {
  const channel = new Channel<Signal>();
  channel.onmessage = hear;
  await commands.attach(channel);
}

/** Who follows something. */
export interface Follower<T> {
  /** Some items, in their order, each once. */
  items(items: T[]): void;
  /** Nothing follows: it came to its end, or to the error. Not called after `stop`. */
  ended(error: EngineError | null): void;
}

/** Ends following. */
export type Stop = () => void;

/**
 * What is recorded of a deployment after `seq` (that of `commands.deployment`), then what comes, to its end.
 * To go on later, begin again from the last event's `seq`.
 */
export function followDeployment(deployment: string, seq: number, follower: Follower<Event>): Stop {
  return follow((channel) => commands.followDeployment(deployment, seq, channel), follower);
}

/** The log of the Odoo that an environment runs: its last 500 lines, then what comes, until that Odoo ends. */
export function followLog(environment: string, follower: Follower<string>): Stop {
  return follow((channel) => commands.followLog(environment, channel), follower);
}

/** What the Odoo of an environment uses, about once a second, until it ends. */
export function followUsage(environment: string, follower: Follower<Usage>): Stop {
  return follow((channel) => commands.followUsage(environment, channel), follower);
}

function follow<T>(begin: (channel: Channel<Batch<T>>) => Promise<FollowId>, follower: Follower<T>): Stop {
  let stopped = false;
  const channel = new Channel<Batch<T>>();
  channel.onmessage = (batch) => {
    if (stopped) return;
    if (batch.items.length > 0) follower.items(batch.items);
    // Only now may the next one come: a window that can't keep up isn't flooded.
    if (!batch.ended) void commands.acknowledge(batch.follow);
    else {
      stopped = true;
      follower.ended(batch.error);
    }
  };
  const begun = begin(channel);
  begun.catch((caught: unknown) => {
    if (stopped) return;
    stopped = true;
    follower.ended(errorOf(caught));
  });
  return () => {
    if (stopped) return;
    stopped = true;
    begun.then(
      (id) => commands.unfollow(id),
      () => undefined,
    );
  };
}

/** What this app is and what it runs on. */
export const appInfo = commands.appInfo;

/** Gives the window's frame a theme; `null` lets it follow the system. */
export async function setFrameTheme(theme: "light" | "dark" | null): Promise<void> {
  await setTheme(theme);
}

/** Installs Docker on a server. `hear` gets what that says, line by line. */
export async function installDocker(
  wish: WishId,
  server: Server,
  secrets: GivenSecret[],
  hear: (line: string) => void,
): Promise<void> {
  const channel = new Channel<string>();
  channel.onmessage = hear;
  await commands.installDocker(wish, server, secrets, channel);
}

/** Downloads a snapshot into a new file. `hear` gets how far it has come. */
export async function downloadSnapshot(
  wish: WishId,
  snapshot: string,
  to: string,
  hear: (progress: DownloadProgress) => void,
): Promise<Downloaded> {
  const channel = new Channel<DownloadProgress>();
  channel.onmessage = hear;
  return commands.downloadSnapshot(wish, snapshot, to, channel);
}
