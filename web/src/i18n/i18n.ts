/** Which language the page speaks, and how a string of strings.ts is filled in. */

import { computed, signal } from "@preact/signals";
import { LANGUAGES, type Language, type Strings } from "./strings";

const STORED = "chatkeep.language";

/** What was chosen by hand; null follows the browser. */
export const chosenLanguage = signal<Language | null>(readChoice());

export const language = computed<Language>(() => chosenLanguage.value ?? preferredOf(navigator.languages));

/** The strings of the present language: `t.value.send`; those with a gap are functions: `t.value.branchOf(2, 3)`. */
export const t = computed<Strings>(() => LANGUAGES[language.value]);

export function chooseLanguage(choice: Language | null): void {
  chosenLanguage.value = choice;
  if (choice === null) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, choice);
}

/** The first of the browser's languages that there is, English otherwise. */
export function preferredOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [primary = ""] = tag.toLowerCase().split("-");
    if (isLanguage(primary)) return primary;
  }
  return "en";
}

function readChoice(): Language | null {
  const stored = localStorage.getItem(STORED);
  return stored !== null && isLanguage(stored) ? stored : null;
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}
