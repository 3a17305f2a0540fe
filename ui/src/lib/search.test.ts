import { expect, test } from "vitest";

import { match, search } from "./search";

const texts = [
  "Deploy acme / production",
  "Deploy acme / staging",
  "Roll back acme / production",
  "Open globex / production",
  "Show logs of acme / production",
  "Servers",
];
const found = (query: string) => search(query, texts, (text) => text).map(({ item }) => item);

test("asks for nothing: all, in their order", () => expect(found("  ")).toEqual(texts));

test.each([
  ["dep acme prod", "Deploy acme / production"],
  ["roll", "Roll back acme / production"],
  ["globex", "Open globex / production"],
  ["logs", "Show logs of acme / production"],
  ["PRODUCTION deploy", "Deploy acme / production"],
  ["rb", "Roll back acme / production"],
])("%j finds %j first", (query, text) => expect(found(query)[0]).toBe(text));

test("every word has to be found", () => expect(found("deploy globex")).toEqual([]));

test("letters strewn anywhere are no match", () =>
  expect(match("oeo", "Roll back acme / production")).toBeNull());

test("says which characters were meant", () => {
  expect(match("log", "Show logs")?.at).toEqual([5, 6, 7]);
  expect(match("rb", "Roll back")?.at).toEqual([0, 5]);
});

test("the beginning of a word goes before its middle", () => {
  expect(search("ser", ["Reserved", "Servers"], (text) => text).map(({ item }) => item)).toEqual([
    "Servers",
    "Reserved",
  ]);
});
