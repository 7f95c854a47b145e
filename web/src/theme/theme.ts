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
  if (choice === null) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, choice);
}

/** Put the theme on the document, and follow the system. */
export function applyTheme(): void {
  system.addEventListener("change", () => {
    systemTheme.value = system.matches ? "dark" : "light";
  });
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

function readChoice(): Theme | null {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : null;
}
