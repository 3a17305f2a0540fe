import { expect, test } from "vitest";

import { rows } from "../fixtures/data";
import { deployAction, deploysWhenSaved, openAction, rollBackAction, underWay } from "./actions";
import { Form } from "./form.svelte";
import type { EnvironmentRow } from "./model";

const of = (name: string) => {
  const row = rows.find(({ project, environment }) => `${project}/${environment.name}` === name);
  if (!row) throw new Error(`The fixtures have no ${name}.`);
  return row;
};

test("Deploy for what never was, Redeploy otherwise", () => {
  expect(deployAction(of("nordic-tools/production")).title).toBe("Deploy");
  expect(deployAction(of("nordic-tools/staging")).title).toBe("Redeploy");
  expect(deployAction(of("acme/staging"))).toEqual({ title: "Redeploy", reason: null });
});

test("what stops a deployment is said in the order in which it has to be mended", () => {
  const without = of("nordic-tools/production");
  expect(deployAction(without, { unsaved: true }).reason).toMatch(/^No server assigned/);
  const row = of("acme/staging");
  expect(deployAction(row, { unsaved: true, capacity: "Too small" }).reason).toMatch(/^Unsaved changes/);
  expect(deployAction(row, { capacity: "Too small" }).reason).toBe("Too small");
});

test("going back waits for what is under way, and needs something to go back from", () => {
  expect(rollBackAction(of("acme/staging")).reason).toBeNull();
  expect(rollBackAction(of("acme/production")).reason).toBe("A deployment is under way");
  expect(rollBackAction(of("nordic-tools/staging")).reason).toBe("Nothing is deployed yet");
});

test("there is something to open once it was deployed", () => {
  expect(openAction(of("acme/production")).reason).toBeNull();
  expect(openAction(of("nordic-tools/staging")).reason).toBe("Nothing is deployed yet");
  expect(openAction(of("nordic-tools/production")).reason).toContain("No server");
});

test("what is carried out goes before what waits", () => {
  const [waits] = of("globex/staging").under_way;
  const [runs] = of("acme/production").under_way;
  if (!waits || !runs) throw new Error("The fixtures have nothing under way.");
  const row: EnvironmentRow = { ...of("acme/production"), under_way: [waits, runs] };
  expect(underWay(row)).toBe(runs);
  expect(underWay({ ...row, under_way: [waits] })).toBe(waits);
  expect(underWay({ ...row, under_way: [] })).toBeNull();
});

test("saving deploys what changes something of what is live, where that is wanted", () => {
  const row = of("acme/staging");
  const form = new Form({ ...row.environment, auto_deploy: true });
  expect(deploysWhenSaved(row, form)).toBe(false);
  form.draft.notify = false;
  expect(deploysWhenSaved(row, form)).toBe(false);
  form.draft.memory_mb = 1024;
  expect(deploysWhenSaved(row, form)).toBe(true);
  expect(deploysWhenSaved({ ...row, live: null }, form)).toBe(false);
  form.draft.auto_deploy = false;
  expect(deploysWhenSaved(row, form)).toBe(false);
});
