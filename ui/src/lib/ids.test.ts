import { expect, test } from "vitest";

import { uuid7 } from "./ids";

test("tells its time and its version", () => {
  const id = uuid7(0x01890a5dac96);
  expect(id).toMatch(/^01890a5d-ac96-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("two of one moment differ", () => {
  expect(uuid7(1)).not.toBe(uuid7(1));
});
