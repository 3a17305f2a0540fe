// Keyboard shortcuts: which key presses mean them, and how they are written for the person at the keyboard.
//
// A shortcut is written `Mod+K`, `Mod+Shift+D`, or as a lone key, `/`. `Mod` is Command on a Mac and Control elsewhere.

const isMac = navigator.platform.startsWith("Mac");

/** Every shortcut there is, by what it does. */
export const shortcuts = {
  palette: "Mod+K",
  deploy: "Mod+D",
  rollBack: "Mod+Shift+B",
  cancel: "Mod+.",
  open: "Mod+O",
  logs: "Mod+L",
  save: "Mod+S",
  search: "Mod+F",
  start: "Mod+N",
} as const;

/** Whether a key press means a shortcut. */
export function matches(event: KeyboardEvent, shortcut: string): boolean {
  const keys = shortcut.split("+");
  const key = keys.at(-1) ?? "";
  const mod = keys.includes("Mod");
  const pressed = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  return (
    pressed === mod &&
    !other &&
    !event.altKey &&
    event.shiftKey === keys.includes("Shift") &&
    event.key.toLowerCase() === key.toLowerCase()
  );
}

/** How it is written: `⌘⇧D` or `Ctrl+Shift+D`. */
export function label(shortcut: string): string {
  const keys = shortcut.split("+");
  if (!isMac) return keys.map((key) => (key === "Mod" ? "Ctrl" : key)).join("+");
  return keys.map((key) => (key === "Mod" ? "⌘" : key === "Shift" ? "⇧" : key)).join("");
}

/** The same as `aria-keyshortcuts` wants it. */
export function aria(shortcut: string): string {
  return shortcut.replace("Mod", isMac ? "Meta" : "Control");
}

/** Whether a key press belongs to a field that is being typed into. */
export function isTyping(event: KeyboardEvent): boolean {
  const at = event.target;
  return (
    at instanceof HTMLElement && at.matches("input:not([type=radio], [type=checkbox]), textarea, select")
  );
}
