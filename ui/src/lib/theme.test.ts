import { beforeEach, expect, test, vi } from "vitest";

/** A system theme that a test can change. */
function systemTheme() {
  let listener: () => void = () => undefined;
  const query = { matches: false, addEventListener: (_: string, heard: () => void) => (listener = heard) };
  vi.stubGlobal("matchMedia", () => query);
  return (dark: boolean) => {
    query.matches = dark;
    listener();
  };
}

const setFrameTheme = vi.hoisted(() => vi.fn());
vi.mock("./backend", () => ({ setFrameTheme }));

/** The module as it is at the start of the app. */
async function start() {
  vi.resetModules();
  const module = await import("./theme.svelte");
  module.followTheme();
  return module;
}

const shown = () => document.documentElement.dataset["theme"];

beforeEach(() => {
  localStorage.clear();
  setFrameTheme.mockReset().mockResolvedValue(undefined);
});

test("follows the system until a theme is chosen, and again after", async () => {
  const system = systemTheme();
  const { chooseTheme } = await start();
  expect(shown()).toBe("light");
  system(true);
  expect(shown()).toBe("dark");
  expect(setFrameTheme).not.toHaveBeenCalled();

  chooseTheme("light");
  expect(shown()).toBe("light");
  expect(setFrameTheme).toHaveBeenLastCalledWith("light");
  system(false);
  system(true);
  expect(shown()).toBe("light");

  chooseTheme("system");
  expect(shown()).toBe("dark");
  expect(setFrameTheme).toHaveBeenLastCalledWith(null);
});

test("the choice outlives a restart, frame and all", async () => {
  systemTheme();
  (await start()).chooseTheme("dark");
  setFrameTheme.mockClear();
  const { theme } = await start();
  expect(theme()).toBe("dark");
  expect(shown()).toBe("dark");
  expect(setFrameTheme).toHaveBeenCalledExactlyOnceWith("dark");
});

test("a choice that no version knows means the system's", async () => {
  systemTheme();
  localStorage.setItem("theme", "sepia");
  expect((await start()).theme()).toBe("system");
});

test("a frame that can't change doesn't stop the page", async () => {
  systemTheme();
  setFrameTheme.mockRejectedValue(new Error("unsupported"));
  (await start()).chooseTheme("dark");
  expect(shown()).toBe("dark");
});
