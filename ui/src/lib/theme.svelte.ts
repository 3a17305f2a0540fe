// Which theme is on: the system's, or the one that was chosen. The page learns it by `data-theme` on <html>.

import { setFrameTheme } from "./backend";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

let chosen = $state<Theme>(read());

/** What the user chose. */
export function theme(): Theme {
  return chosen;
}

/** Chooses a theme, now and for the next start. */
export function chooseTheme(next: Theme): void {
  chosen = next;
  localStorage.setItem(KEY, next);
  frame();
  paint();
}

/** Puts the theme on the page and keeps it there while the system changes its mind. Called once, before the first paint. */
export function followTheme(): void {
  paint();
  // A window starts with the system's theme, so there's nothing to say about that one.
  if (chosen !== "system") frame();
  systemIsDark.addEventListener("change", paint);
}

function read(): Theme {
  const kept = localStorage.getItem(KEY);
  return themes.find((known) => known === kept) ?? "system";
}

function paint(): void {
  const dark = chosen === "dark" || (chosen === "system" && systemIsDark.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

function frame(): void {
  // The frame is the window manager's: one that can't change it costs nothing but looks.
  setFrameTheme(chosen === "system" ? null : chosen).catch(() => undefined);
}
