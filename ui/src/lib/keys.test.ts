import { expect, test } from "vitest";

import { aria, label, matches, shortcuts } from "./keys";

const press = (key: string, held: KeyboardEventInit = {}) => new KeyboardEvent("keydown", { key, ...held });

test("a shortcut is exactly its keys", () => {
  expect(matches(press("k", { ctrlKey: true }), "Mod+K")).toBe(true);
  expect(matches(press("K", { ctrlKey: true, shiftKey: true }), "Mod+K")).toBe(false);
  expect(matches(press("k", { ctrlKey: true, altKey: true }), "Mod+K")).toBe(false);
  expect(matches(press("k"), "Mod+K")).toBe(false);
  expect(matches(press("B", { ctrlKey: true, shiftKey: true }), "Mod+Shift+B")).toBe(true);
  expect(matches(press("/"), "/")).toBe(true);
});

test("is written as people and as screen readers read it", () => {
  expect(label("Mod+Shift+B")).toBe("Ctrl+Shift+B");
  expect(aria("Mod+K")).toBe("Control+K");
});

test("no two do the same", () => {
  const keys = Object.values(shortcuts);
  expect(new Set(keys).size).toBe(keys.length);
});
