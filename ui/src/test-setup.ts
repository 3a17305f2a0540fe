// What a browser has and jsdom doesn't, and how long a test waits.

import { configure } from "@testing-library/svelte";
import { vi } from "vitest";

// Also on a machine that compiles beside the tests; what is there already is found at once.
configure({ asyncUtilTimeout: 10_000 });

vi.stubGlobal("matchMedia", (query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));

// Nothing has a size here, so nothing ever changes its size.
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe = () => undefined;
    unobserve = () => undefined;
    disconnect = () => undefined;
  },
);

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
};

// Motion is over at once.
Element.prototype.animate = function () {
  const animation = {
    cancel: () => undefined,
    currentTime: 0,
    startTime: 0,
    onfinish: null as (() => void) | null,
  };
  queueMicrotask(() => animation.onfinish?.());
  return animation as unknown as Animation;
};
Element.prototype.getAnimations = () => [];
