// Short messages in the corner: what was done, and what could not be done.

import type { Failure } from "./failure";
import { failure } from "./failure";

export type Toast = {
  id: number;
  kind: "done" | "failed";
  text: string;
  hint?: string | undefined;
  detail?: string | undefined;
};

/** How long a good message stays, in milliseconds. A failure stays until it's closed. */
const SHOWN = 4000;

let next = 1;
let shown = $state.raw<Toast[]>([]);

/** What is shown now, oldest first. */
export function toasts(): Toast[] {
  return shown;
}

/** Says that something was done. */
export function say(text: string): void {
  const toast = show({ kind: "done", text });
  setTimeout(() => close(toast), SHOWN);
}

/** Says that something long was done, which nobody may be waiting for any more: it stays until it's closed. */
export function sayAtLast(text: string): void {
  show({ kind: "done", text });
}

/** Says that something could not be done (`what`, when one would not know), why, and what to do next. */
export function sayFailure(error: unknown, what?: string): void {
  const { message, hint, detail }: Failure = failure(error);
  const text = what ? `${what} ${message}` : message;
  if (shown.some((toast) => toast.text === text)) return;
  show({ kind: "failed", text, hint, detail: detail ?? undefined });
}

/** Takes a message away. */
export function close(id: number): void {
  shown = shown.filter((toast) => toast.id !== id);
}

/** Copies a text, and says that it did. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    sayFailure(refused);
  }
}

/**
 * Copies a text that still has to be fetched, and says that it did. To be called at once when a person asks: a web view lets only
 * what a person just did near the clipboard, so the wish is handed over before the text is there. Fails when there is no text.
 */
export async function copyLater(text: Promise<string>, what: () => string): Promise<void> {
  if (typeof ClipboardItem === "undefined") return copy(await text, what());
  const blob = text.then((known) => new Blob([known], { type: "text/plain" }));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
  } catch {
    // Not the clipboard's fault, if there is no text.
    await blob;
    return sayFailure(refused);
  }
  say(`${what()} copied`);
}

const refused = {
  code: "internal",
  message: "The system's clipboard refused the text.",
  hint: "Select it and copy it by hand.",
} as const;

function show(toast: Omit<Toast, "id">): number {
  const id = next;
  next += 1;
  shown = [...shown.slice(-3), { id, ...toast }];
  return id;
}
