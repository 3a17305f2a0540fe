import { expect, test } from "vitest";

import { Form, same } from "./form.svelte";

type Settings = { branch: string; modules: string[]; options: Record<string, string> };
const saved: Settings = { branch: "main", modules: ["sale"], options: { workers: "2" } };

test("a fresh form has no changes", () => {
  expect(new Form(saved).dirty).toBe(false);
});

test("knows which fields differ, also deep inside, and no more once they are put back", () => {
  const form = new Form(saved);
  form.draft.modules.push("stock");
  form.draft.options["workers"] = "4";
  expect(form.changed).toEqual(["modules", "options"]);
  expect(saved.modules).toEqual(["sale"]);
  form.draft.modules.pop();
  form.draft.options["workers"] = "2";
  expect(form.dirty).toBe(false);
});

test("reset takes all of it back", () => {
  const form = new Form(saved);
  form.draft.branch = "next";
  form.reset();
  expect(form.value()).toEqual(saved);
  expect(form.dirty).toBe(false);
});

test("what changes elsewhere goes into the fields that nobody touched", () => {
  const form = new Form(saved);
  form.draft.branch = "next";
  form.rebase({ branch: "release", modules: ["crm"], options: {} });
  expect(form.value()).toEqual({ branch: "next", modules: ["crm"], options: {} });
  expect(form.changed).toEqual(["branch"]);
});

test("saving what stands in the fields leaves nothing to save", () => {
  const form = new Form(saved);
  form.draft.branch = "next";
  form.rebase(form.value());
  expect(form.dirty).toBe(false);
});

test.each([
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [[1, 2], [2, 1], false],
  [{ a: undefined }, {}, false],
  [null, {}, false],
  [[], {}, false],
  [{ a: { b: [null] } }, { a: { b: [null] } }, true],
])("%j and %j: %s", (a, b, equal) => expect(same(a, b)).toBe(equal));
