import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "./styles/tokens.css";
import "./styles/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { followTheme } from "./lib/theme.svelte";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");

followTheme();
// The web view's own menu is a browser's: it reloads the page and opens links elsewhere. Where text is written or marked, it copies.
window.addEventListener("contextmenu", (event) => {
  const isWritten = event.target instanceof Element && event.target.closest("input, textarea") !== null;
  if (!isWritten && getSelection()?.isCollapsed !== false) event.preventDefault();
});
mount(App, { target });
