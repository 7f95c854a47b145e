/** Which language the page speaks, and how a string of strings.ts is filled in. */

import { computed, effect, signal } from "@preact/signals";
import { LANGUAGES, type Language, type Strings } from "./strings";

const STORED = "chatkeep.language";

/** What was chosen by hand; null follows the browser. */
export const chosenLanguage = signal<Language | null>(readChoice());

export const language = computed<Language>(() => chosenLanguage.value ?? preferredOf(navigator.languages));

/** The strings of the present language: `t.value.send`; those with a gap are functions: `t.value.branchOf(2, 3)`. */
export const t = computed<Strings>(() => LANGUAGES[language.value]);

export function chooseLanguage(choice: Language | null): void {
  chosenLanguage.value = choice;
  try {
    if (choice === null) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, choice);
  } catch {
    // Storage is switched off: the choice holds for this page.
  }
}

/** The first of the browser's languages that there is, English otherwise. */
export function preferredOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = primaryOf(tag);
    if (isLanguage(primary)) return primary;
  }
  return "en";
}

/** Say it to the document, for screen readers and hyphenation, and follow the other tabs. */
export function applyLanguage(): void {
  addEventListener("storage", ({ key }) => {
    if (key === STORED) chosenLanguage.value = readChoice();
  });
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

function readChoice(): Language | null {
  try {
    const stored = localStorage.getItem(STORED);
    return stored !== null && isLanguage(stored) ? stored : null;
  } catch {
    return null; // storage is switched off
  }
}

/** The language of a tag: BCP 47, section 2.2.1. */
function primaryOf(tag: string): string {
  return tag.toLowerCase().split("-")[0] ?? "";
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}
