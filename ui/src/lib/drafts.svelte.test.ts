import { flushSync } from "svelte";
import { expect, test } from "vitest";

import { rows } from "../fixtures/data";
import { draftOf, isUnsaved } from "./drafts.svelte";

test("a draft outlives the screen that it was made in", () => {
  const saved = rows[1]?.environment;
  if (!saved) throw new Error("The fixtures have no environment.");
  const leave = $effect.root(() => {
    draftOf(saved).form.draft.branch = "next";
    expect(isUnsaved(saved.id)).toBe(true);
  });
  leave();
  draftOf(saved).form.draft.branch = saved.branch;
  flushSync();
  expect(isUnsaved(saved.id)).toBe(false);
  draftOf(saved).setSecret("secret_variables", "TOKEN", "hush");
  expect(isUnsaved(saved.id)).toBe(true);
  expect(JSON.stringify(draftOf(saved).form.value())).not.toContain("hush");
  draftOf(saved).discard();
  expect(isUnsaved(saved.id)).toBe(false);
});
