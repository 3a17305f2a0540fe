import { expect, test } from "vitest";

import { address, environmentAddress, parse, places, serverAddress, tabs } from "./place.svelte";

test.each(places)("the address of $title means $title", ({ id }) => {
  expect(parse(address(id)).place).toBe(id);
});

test.each(tabs)("the address of an environment's $title means that", ({ id }) => {
  expect(parse(environmentAddress("e1", id))).toEqual({
    place: "environments",
    environment: "e1",
    tab: id,
    deployment: null,
  });
  expect(parse(environmentAddress("e1", id, "d1"))).toMatchObject({ tab: id, deployment: "d1" });
});

test("the address of a server means that server", () => {
  expect(parse(serverAddress("s1"))).toEqual({ place: "servers", server: "s1" });
});

test.each([
  "",
  "#",
  "#/",
  "#/nowhere",
  "#servers",
  "#/environments/e1/nowhere",
  "#/activity/x",
  "#/environments/e/logs/d/x",
])("%j means the first place", (hash) => {
  expect(parse(hash)).toEqual({ place: "environments" });
});
