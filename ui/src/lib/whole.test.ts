import { expect, test } from "vitest";

import { showWhole } from "./whole";

function cut(text: string, width: number, title = ""): HTMLElement {
  const element = document.createElement("span");
  element.className = "cut";
  element.innerHTML = `<b>${text}</b>`;
  element.title = title;
  resize(element, width);
  return element;
}

function resize(element: HTMLElement, width: number): void {
  Object.defineProperty(element, "scrollWidth", { value: 100, configurable: true });
  Object.defineProperty(element, "clientWidth", { value: width, configurable: true });
}

test("a text that is cut is shown whole, also by what stands in it, until there is room", () => {
  const element = cut("acme  /\n production", 50);
  showWhole({ target: element.firstElementChild });
  expect(element.title).toBe("acme / production");
  element.textContent = "acme / staging";
  showWhole({ target: element });
  expect(element.title).toBe("acme / staging");
  resize(element, 100);
  showWhole({ target: element });
  expect(element.title).toBe("");
});

test("a tooltip that says more stays, and what isn't cut gets none", () => {
  const said = cut("3f2a91c", 50, "This commit is served");
  showWhole({ target: said });
  expect(said.title).toBe("This commit is served");
  const short = cut("main", 100);
  showWhole({ target: short });
  expect(short.title).toBe("");
  showWhole({ target: document });
});
