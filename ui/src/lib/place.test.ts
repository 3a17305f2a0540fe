import { expect, test } from "vitest";

import { address, parse, places } from "./place.svelte";

test.each(places)("the address of $title means $title", ({ id }) => {
  expect(parse(address(id)).id).toBe(id);
});

test.each(["", "#", "#/", "#/nowhere", "#servers", "#/servers/"])("%j means the first place", (hash) => {
  expect(parse(hash)).toBe(places[0]);
});
