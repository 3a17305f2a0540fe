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
