import { render } from "preact";
import { App } from "./App";
import { applyTheme } from "./theme/theme";
import "./theme/tokens.css";
import "./theme/base.css";

applyTheme();
render(<App />, document.getElementById("page") as HTMLElement);
