// What the user chose for the app, kept with its other settings in its folder.

import { commands, newWish, type AppSettings } from "./backend";
import { chooseTheme, theme, type Theme } from "./theme.svelte";

/** Changes some of the settings. */
export async function change(some: Partial<AppSettings>): Promise<void> {
  const now = await commands.settings();
  await commands.saveSettings(newWish(), { ...now, ...some });
}

/** Shows a theme at once, and keeps it. */
export async function setTheme(next: Theme): Promise<void> {
  chooseTheme(next);
  await change({ theme: next });
}

/** Takes over the theme that is kept. The page has begun with the one that it remembers itself, so that nothing flashes. */
export async function adoptTheme(): Promise<void> {
  const { theme: kept = theme() } = await commands.settings();
  if (kept !== theme()) chooseTheme(kept);
}
