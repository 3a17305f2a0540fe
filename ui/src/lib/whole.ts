// Texts that are cut for want of room are shown whole when the pointer rests on them.

/** Gives a text that is cut its whole as a tooltip, unless it has one that says more; takes it away when there is room again. */
export function showWhole({ target }: { target: EventTarget | null }): void {
  const cut = target instanceof Element ? target.closest(".cut") : null;
  if (!(cut instanceof HTMLElement)) return;
  const isOurs = cut.dataset["whole"] !== undefined;
  if (cut.title && !isOurs) return;
  if (cut.scrollWidth > cut.clientWidth) {
    cut.title = (cut.textContent ?? "").trim().replace(/\s+/g, " ");
    cut.dataset["whole"] = "";
  } else if (isOurs) {
    cut.removeAttribute("title");
    delete cut.dataset["whole"];
  }
}
