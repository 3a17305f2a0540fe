import { render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import Command from "./Command.svelte";

test("copies the line, without the prompt, and says so", async () => {
  const user = userEvent.setup();
  render(Command, { line: "slipway server add" });
  expect(screen.getByRole("status").textContent).toBe("");
  await user.click(screen.getByRole("button", { name: "Copy “slipway server add”" }));
  expect(await navigator.clipboard.readText()).toBe("slipway server add");
  expect(screen.getByRole("status").textContent).toBe("Copied");
});

test("selects the line where there is no clipboard", async () => {
  const user = userEvent.setup();
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("no", "NotAllowedError"));
  render(Command, { line: "slipway deploy" });
  await user.click(screen.getByRole("button"));
  expect(getSelection()?.toString()).toBe("slipway deploy");
  expect(screen.getByRole("status").textContent).toBe("");
});
