import { expect, test, vi } from "vitest";

import { Resource } from "./resource.svelte";

test("reads, and keeps the old value while the new one comes and when it fails", async () => {
  const read = vi.fn<() => Promise<number>>().mockResolvedValueOnce(1);
  const resource = new Resource(read);
  expect(resource.loading).toBe(true);
  await resource.refresh();
  expect(resource.value).toBe(1);
  const problem = { code: "timed_out", message: "It took too long.", hint: "Try again." };
  read.mockRejectedValueOnce(problem);
  await resource.refresh();
  expect(resource.value).toBe(1);
  expect(resource.failed).toEqual(problem);
  read.mockResolvedValueOnce(2);
  await resource.refresh();
  expect(resource.value).toBe(2);
  expect(resource.failed).toBeNull();
});

test("asked many times while it reads, it reads once more and not more often", async () => {
  let answer: (value: number) => void = () => undefined;
  const read = vi.fn(() => new Promise<number>((resolve) => (answer = resolve)));
  const resource = new Resource(read);
  const first = resource.refresh();
  void resource.refresh();
  void resource.refresh();
  answer(1);
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  answer(2);
  await first;
  expect(resource.value).toBe(2);
  expect(read).toHaveBeenCalledTimes(2);
  expect(resource.busy).toBe(false);
});

test("what is thrown and is no error of the app's other half is a mistake", async () => {
  const resource = new Resource(() => Promise.reject(new Error("undefined is not a function")));
  await resource.refresh();
  expect(resource.failed).toMatchObject({ code: "internal", detail: "undefined is not a function" });
});
