import { describe, expect, test } from "vitest";
import { preferredOf } from "../../src/i18n/i18n";
import { LANGUAGES, type Language } from "../../src/i18n/strings";

const { en, ...others } = LANGUAGES;
/** The same in both, as they are names or signs. */
const SAME = new Set([
  ...["appName", "chats", "code", "detailPrompt", "importDone", "keyAlt", "keyEscape"],
  ...["shortcutsOfChats", "status"],
]);

describe.each(Object.entries(others))("%s", (_, strings) => {
  const mine = new Map(leavesOf(strings));

  test("has every string of English, and no other", () => {
    expect([...mine.keys()].sort()).toEqual([...leavesOf(en)].map(([key]) => key).sort());
  });

  test.each(leavesOf(en))("%s is of the same kind", (key, english) => {
    const text = mine.get(key);
    expect(typeof text).toBe(typeof english);
    if (typeof text === "function" && typeof english === "function") expect(text.length).toBe(english.length);
    if (typeof text === "string" && typeof english === "string") {
      expect(text).not.toBe("");
      if (!SAME.has(key)) expect(text).not.toBe(english);
      expect(text.endsWith("."), "a sentence ends with a full stop in both").toBe(english.endsWith("."));
    }
  });
});

test("the German addresses nobody, neither as du nor as Sie", () => {
  const address = /\b(du|dein\w*|dir|dich|Ihre?[nmrs]?|Ihnen|\w+en Sie)\b/;
  expect(leavesOf(LANGUAGES.de).filter(([, text]) => address.test(String(text)))).toEqual([]);
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

/** All strings and functions, also those in tables: `problems.rate_limited`. */
function leavesOf(table: object): [string, unknown][] {
  return Object.entries(table).flatMap(([key, value]): [string, unknown][] =>
    typeof value === "object" && value !== null
      ? leavesOf(value).map(([inner, leaf]) => [`${key}.${inner}`, leaf])
      : [[key, value]],
  );
}
