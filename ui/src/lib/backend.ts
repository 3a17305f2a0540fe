// The only door to the app's other half: nothing else imports @tauri-apps/* or the generated bindings.
// Screens get functions and types from here, so that tests can put something else in its place.

import { setTheme } from "@tauri-apps/api/app";

import { commands } from "./bindings";

export type { AppInfo } from "./bindings";

/** What this app is and what it runs on. */
export const appInfo = commands.appInfo;

/** Gives the window's frame a theme; `null` lets it follow the system. */
export async function setFrameTheme(theme: "light" | "dark" | null): Promise<void> {
  await setTheme(theme);
}
