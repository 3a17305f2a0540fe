import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, expect, test, vi } from "vitest";

import { overview } from "../fixtures/data";
import { commands } from "../lib/backend";
import FirstRun from "./FirstRun.svelte";

vi.mock("../lib/backend", async (original) => ({
  ...(await original<object>()),
  ...(await import("../fixtures/backend")),
}));

afterEach(() => vi.restoreAllMocks());

const field = (id: string) => screen.getByTestId<HTMLInputElement>(id);

/** The second step, with a repository whose host answers when it is told to. */
async function asked() {
  const answers: ((branches: string[]) => void)[] = [];
  const references = vi
    .spyOn(commands, "references")
    .mockImplementation(
      () => new Promise((tell) => answers.push((branches) => tell({ branches, tags: [] }))),
    );
  render(FirstRun, { everything: { environments: [], projects: [], servers: overview.servers } });
  const type = (url: string) => fireEvent.input(field("repository-url-0"), { target: { value: url } });
  await type("https://git.example/one");
  await waitFor(() => expect(references).toHaveBeenCalledTimes(1));
  return { answers, references, type };
}

test("what was typed stays when the repository's branches come to be known", async () => {
  const { answers } = await asked();
  await fireEvent.input(field("first-branch"), { target: { value: "l" } });
  answers[0]?.(["front-end", "live"]);
  await waitFor(() => expect(document.querySelectorAll("datalist option").length).toBe(2));
  expect(field("first-branch").value).toBe("l");
});

test("nothing changes in the field that somebody is in, not even which list it has", async () => {
  const { answers } = await asked();
  const list = field("first-branch").getAttribute("list");
  expect(list).not.toBeNull();
  await fireEvent.focus(field("first-branch"));
  answers[0]?.(["19.0", "front-end"]);
  await waitFor(() => expect(document.querySelectorAll("datalist option").length).toBe(2));
  expect(field("first-branch").value).toBe("main");
  expect(field("first-branch").getAttribute("list")).toBe(list);
  await fireEvent.blur(field("first-branch"));
  expect(field("first-branch").value).toBe("19.0");
});

test("a branch that the repository has is proposed, of the repository that was named last", async () => {
  const { answers, references, type } = await asked();
  await type("https://git.example/two");
  await waitFor(() => expect(references).toHaveBeenCalledTimes(2));
  answers[1]?.(["19.0", "front-end"]);
  await waitFor(() => expect(field("first-branch").value).toBe("19.0"));
  answers[0]?.(["of-the-first-one"]);
  await new Promise((resolve) => setTimeout(resolve));
  expect(field("first-branch").value).toBe("19.0");
});
