/** The figures of a reply in few words, in the page's language. */

import { language, t } from "../i18n/i18n";
import type { Figures } from "./figures";
import { costText, countText, durationText, rateText } from "./formats";

/** Under the name of each figure that is known what is written of it. */
export function figureTexts(figures: Figures): [keyof Figures, string][] {
  const speaks = language.value;
  const { tokens, tokensPerSecond, firstTokenMs, elapsedMs, costUsd, isEstimated } = figures;
  const texts: [keyof Figures, string | null][] = [
    ["tokens", !tokens ? null : t.value.tokensOf((isEstimated ? "≈ " : "") + countText(tokens, speaks))],
    ["tokensPerSecond", tokensPerSecond === null ? null : t.value.tokensPerSecondOf(rateText(tokensPerSecond, speaks))],
    ["firstTokenMs", firstTokenMs === null ? null : t.value.firstTokenIn(durationText(firstTokenMs, speaks))],
    ["elapsedMs", elapsedMs === null ? null : durationText(elapsedMs, speaks)],
    ["costUsd", costUsd === null ? null : costText(costUsd, speaks)],
  ];
  return texts.filter((named): named is [keyof Figures, string] => named[1] !== null);
}
