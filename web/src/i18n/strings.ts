/** Every string that a person reads, in each language. A test holds the languages to the same keys. */

const en = {
  appName: "chatkeep",
  copy: "Copy",
  copied: "Copied.",
};

export type Strings = typeof en;

const de: Strings = {
  appName: "chatkeep",
  copy: "Kopieren",
  copied: "Kopiert.",
};

export const LANGUAGES = { en, de } as const satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;
