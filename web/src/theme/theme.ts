/** Dark or light: as the system says, unless somebody chose. */

import { computed, effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const STORED = "chatkeep.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = signal<Theme>(system.matches ? "dark" : "light");

/** What was chosen by hand; null follows the system. */
export const chosenTheme = signal<Theme | null>(readChoice());
export const theme = computed<Theme>(() => chosenTheme.value ?? systemTheme.value);

export function chooseTheme(choice: Theme | null): void {
  chosenTheme.value = choice;
  try {
    if (choice === null) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, choice);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}

/** Put the theme on the document and on what the browser draws around it, and follow the system and the other tabs. */
export function applyTheme(): void {
  system.addEventListener("change", () => {
    systemTheme.value = system.matches ? "dark" : "light";
  });
  addEventListener("storage", ({ key }) => {
    if (key === STORED) chosenTheme.value = readChoice();
  });
  effect(() => {
    const { documentElement: root } = document;
    root.dataset.theme = theme.value;
    const { backgroundColor } = getComputedStyle(root);
    for (const meta of document.querySelectorAll("meta[name=theme-color]"))
      meta.setAttribute("content", backgroundColor);
  });
}

function readChoice(): Theme | null {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null; // storage is switched off
  }
}
