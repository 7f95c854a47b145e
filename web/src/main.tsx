import { render } from "preact";
import { App } from "./App";
import { applyLanguage } from "./i18n/i18n";
import { applyTheme } from "./theme/theme";
import "./theme/tokens.css";
import "./theme/base.css";

applyTheme();
applyLanguage();
render(<App />, document.getElementById("page") as HTMLElement);
