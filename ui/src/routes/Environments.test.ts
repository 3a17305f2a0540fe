import { render, screen, waitFor } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";

import { overview } from "../fixtures/data";
import Environments from "./Environments.svelte";

vi.mock("../lib/backend", async (original) => ({
  ...(await original<object>()),
  ...(await import("../fixtures/backend")),
}));

test("of many environments what a screen shows is drawn at once, and the rest after it", async () => {
  const [one] = overview.environments;
  if (!one) throw new Error("the fixtures have environments");
  const many = Array.from({ length: 130 }, (_, i) => ({
    ...one,
    environment: { ...one.environment, id: `many-${i}`, name: `branch-${i}` },
  }));
  render(Environments, { everything: { ...overview, environments: many } });
  const rows = () => screen.getAllByTestId(/^row-(?!deploy-).*-branch-\d+$/).length;
  expect(rows()).toBe(40);
  await waitFor(() => expect(rows()).toBe(130));
});
