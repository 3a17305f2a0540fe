// Keyboard shortcuts: which key presses mean them, and how they are written for the person at the keyboard.

const isMac = navigator.platform.startsWith("Mac");

/** A shortcut of the main modifier (Command on a Mac, Control elsewhere) and one key. */
export function matches(event: KeyboardEvent, key: string): boolean {
  const main = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  return main && !event.altKey && !event.shiftKey && event.key.toLowerCase() === key.toLowerCase();
}

/** How it is written: `⌘1` or `Ctrl+1`. */
export function label(key: string): string {
  return isMac ? `⌘${key.toUpperCase()}` : `Ctrl+${key.toUpperCase()}`;
}

/** The same as `aria-keyshortcuts` wants it. */
export function aria(key: string): string {
  return `${isMac ? "Meta" : "Control"}+${key.toUpperCase()}`;
}
