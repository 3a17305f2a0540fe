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
mount(App, { target });
