import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** Text, and the surfaces that it stands on: 4.5 : 1 (WCAG 2.2, 1.4.3). */
const TEXT: Record<string, readonly string[]> = {
  text: [
    ...["surface", "surface-raised", "surface-sunken", "surface-hover", "surface-question"],
    ...["accent-soft", "danger-soft", "warning-soft", "mark", "code-bg"],
  ],
  "text-soft": ["surface", "surface-raised", "surface-sunken", "surface-hover", "surface-question", "code-bg"],
  accent: ["surface", "surface-raised", "surface-sunken", "surface-hover", "surface-question", "accent-soft"],
  "on-accent": ["accent", "accent-hover"],
  danger: ["surface", "surface-raised", "surface-hover", "danger-soft"],
  warning: ["surface", "surface-raised", "surface-hover", "warning-soft"],
  ok: ["surface", "surface-raised", "surface-hover"],
  "code-text": ["code-bg"],
};
/** The edges of controls, and the ring of the focus: 3 : 1 (1.4.11). */
const EDGES: Record<string, readonly string[]> = {
  "line-strong": ["surface", "surface-raised", "surface-sunken"],
  focus: ["surface", "surface-raised", "surface-sunken", "surface-hover", "surface-question", "code-bg"],
};

const css = readFileSync("src/theme/tokens.css", "utf8");
const [, usual = "", more = ""] = /^([\s\S]*)@media \(prefers-contrast: more\) \{([\s\S]*?)\n\}/.exec(css) ?? [];

for (const [column, scheme] of ["light", "dark"].entries()) {
  const colours = coloursOf(usual, column);
  for (const [contrast, found] of [
    ["usual", colours],
    ["more", new Map([...colours, ...coloursOf(more, column)])],
  ] as const) {
    describe(`in ${scheme}, with ${contrast} contrast`, () => {
      const code = [...colours.keys()].filter((name) => name.startsWith("hl-")).map((name) => [name, ["code-bg"]]);
      test.each(pairsOf({ ...TEXT, ...Object.fromEntries(code) }))("%s can be read on %s", (front, back) => {
        expect(contrastOf(found, front, back)).toBeGreaterThanOrEqual(4.5);
      });
      test.each(pairsOf(EDGES))("%s can be seen on %s", (front, back) => {
        expect(contrastOf(found, front, back)).toBeGreaterThanOrEqual(3);
      });
    });
  }
}

function coloursOf(source: string, column: number): Map<string, string> {
  const found = source.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g);
  return new Map([...found].map(([, name = "", ...each]) => [name, each[column] ?? ""]));
}

function pairsOf(table: Record<string, readonly string[]>): [string, string][] {
  return Object.entries(table).flatMap(([front, backs]) => backs.map((back): [string, string] => [front, back]));
}

function contrastOf(colours: Map<string, string>, front: string, back: string): number {
  const [light = 0, dark = 0] = [front, back]
    .map((name) => luminance(colours.get(name) ?? expect.unreachable(`there is no --${name}`)))
    .sort((one, other) => other - one);
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance: WCAG 2.2, Terms. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((start) => Number.parseInt(hex.slice(start, start + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
