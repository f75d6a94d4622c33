import "./lib/language";
import "@fontsource-variable/inter/index.css";
import { mount } from "svelte";
import App from "./App.svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/surfaces.css";

const target = document.getElementById("app");
if (!target) throw new Error("The page has no element #app.");
mount(App, { target });
