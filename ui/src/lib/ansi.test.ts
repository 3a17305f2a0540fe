import { expect, test } from "vitest";

import { pieces, plain } from "./ansi";

const ESC = "\x1b";

test("colours become classes, and nothing else stays of them", () => {
  expect(pieces(`a ${ESC}[1;31mred${ESC}[0m b`)).toEqual([
    { text: "a ", style: "", hit: false },
    { text: "red", style: "ansi-red ansi-bold", hit: false },
    { text: " b", style: "", hit: false },
  ]);
});

test.each([
  [`${ESC}[2K${ESC}[1Gdone`, "done"],
  [`${ESC}]8;;https://evil.example\x07link${ESC}]8;;\x07`, "link"],
  [`${ESC}[38;5;196mx${ESC}[48;2;1;2;3my`, "xy"],
  ["progress\r", "progress"],
  ["a\tb", "a\tb"],
  [`${ESC}[?25lhidden`, "hidden"],
])("%j reads %j", (line, text) => {
  expect(plain(line)).toBe(text);
  expect(
    pieces(line)
      .map((piece) => piece.text)
      .join(""),
  ).toBe(text);
});

test("markup is text", () => {
  expect(pieces("<img src=x onerror=alert(1)>")).toEqual([
    { text: "<img src=x onerror=alert(1)>", style: "", hit: false },
  ]);
});

test("hits are found whatever their case, also across a change of colour", () => {
  const found = pieces(`One er${ESC}[31mRor and error`, "error");
  expect(found.filter((piece) => piece.hit).map((piece) => piece.text)).toEqual(["er", "Ror", "error"]);
  expect(found.map((piece) => piece.text).join("")).toBe("One erRor and error");
});

test("hits that touch are told one after the other", () => {
  expect(pieces("aaaa", "aa").map(({ text, hit }) => [text, hit])).toEqual([
    ["aa", true],
    ["aa", true],
  ]);
});

test("a large colour keeps its place in the list", () => {
  expect(pieces(`${ESC}[38;5;1;1mx`)[0]?.style).toBe("ansi-red ansi-bold");
  expect(pieces(`${ESC}[38;2;9;9;9;1mx`)[0]?.style).toBe("ansi-bold");
});
