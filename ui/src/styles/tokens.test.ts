import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

const css = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

/** The declarations of the block whose selector contains `selector`, by name. */
function block(selector: string): Map<string, string> {
  const body = css.slice(css.indexOf("{", css.indexOf(selector)) + 1);
  const lines = body.slice(0, body.indexOf("}")).matchAll(/--([\w-]+):\s*([^;]+);/g);
  return new Map([...lines].map(([, name = "", value = ""]) => [name, value]));
}

const raw = block(":root {");
const themes = { light: block('[data-theme="light"]'), dark: block('[data-theme="dark"]') };

function colour(theme: Map<string, string>, name: string): string {
  const value = theme.get(name) ?? raw.get(name);
  if (!value) throw new Error(`--${name} is not defined`);
  const other = /^var\(--([\w-]+)\)$/.exec(value)?.[1];
  return other ? colour(theme, other) : value;
}

/** Relative luminance as WCAG 2 defines it. */
function luminance(hex: string): number {
  const digits = /^#([0-9a-f]{6})$/.exec(hex)?.[1];
  if (!digits) throw new Error(`${hex} is not a colour of six digits`);
  const [r = 0, g = 0, b = 0] = [0, 2, 4]
    .map((at) => parseInt(digits.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ["surface", "surface-raised", "surface-hover", "surface-selected", "neutral-ground", "log"];
const states = ["accent", "success", "warning", "danger", "running"];

/** What is read on what. Text needs 4.5 to 1; the outline of a control and the focus ring need 3 to 1. */
const pairs: [string, string, number][] = [
  ...grounds.flatMap((ground) =>
    ["text", "text-subtle"].map((text) => [text, ground, 4.5] as [string, string, number]),
  ),
  ...states.flatMap((state) => [
    [state, "surface", 4.5] as [string, string, number],
    [state, "surface-raised", 4.5] as [string, string, number],
    [state, "surface-hover", 4.5] as [string, string, number],
    [state, "log", 4.5] as [string, string, number],
    [state, `${state}-ground`, 4.5] as [string, string, number],
    ["text", `${state}-ground`, 4.5] as [string, string, number],
  ]),
  ["on-accent", "accent", 4.5],
  ["on-accent", "accent-hover", 4.5],
  ["surface-raised", "danger", 4.5],
  ["border-strong", "surface", 3],
  ["border-strong", "surface-raised", 3],
  ["focus", "surface", 3],
  ["focus", "surface-raised", 3],
];

describe.each(Object.entries(themes))("%s theme", (_, theme) => {
  test.each(pairs)("%s on %s has a contrast of at least %f", (text, ground, least) => {
    expect(contrast(colour(theme, text), colour(theme, ground))).toBeGreaterThanOrEqual(least);
  });
});

test("both themes define the same names", () => {
  expect([...themes.dark.keys()]).toEqual([...themes.light.keys()]);
});
