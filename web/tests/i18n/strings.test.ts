import { describe, expect, test } from "vitest";
import { preferredOf } from "../../src/i18n/i18n";
import { LANGUAGES, type Language } from "../../src/i18n/strings";

const { en, ...others } = LANGUAGES;
/** The same in both, as they are names or signs. */
const SAME = new Set(["appName", "chats", "status", "keyAlt", "keyEscape", "noProviderReason", "shortcutsOfChats"]);

describe.each(Object.entries(others))("%s", (_, strings) => {
  test("has every string of English, and no other", () => {
    expect(Object.keys(strings).sort()).toEqual(Object.keys(en).sort());
  });

  test.each(Object.keys(en) as (keyof typeof en)[])("%s is of the same kind", (key) => {
    const [mine, english] = [strings[key] as unknown, en[key] as unknown];
    expect(typeof mine).toBe(typeof english);
    expect(Array.isArray(mine)).toBe(Array.isArray(english));
    if (typeof mine === "function" && typeof english === "function") expect(mine.length).toBe(english.length);
    if (typeof mine === "string" && typeof english === "string") {
      expect(mine).not.toBe("");
      if (!SAME.has(key)) expect(mine).not.toBe(english);
      expect(mine.endsWith("."), "a sentence ends with a full stop in both").toBe(english.endsWith("."));
    }
  });
});

test("the strings are German that addresses nobody as du or Sie", () => {
  const texts = Object.values(LANGUAGES.de).filter((text) => typeof text === "string");
  expect(texts.filter((text) => /\b(du|dein\w*|dir|dich|Ihre?[nmrs]?|Ihnen)\b/.test(text))).toEqual([]);
});

test.each<[string[], Language]>([
  [["de-AT", "en"], "de"],
  [["fr", "de"], "de"],
  [["fr-CA"], "en"],
  [["EN-gb", "de"], "en"],
  [[], "en"],
])("browsers that want %s get %s", (wanted, language) => {
  expect(preferredOf(wanted)).toBe(language);
});
