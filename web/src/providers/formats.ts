/** How numbers are written in the page's language. */

import type { Language } from "../i18n/strings";

const formats = new Map<string, Intl.NumberFormat>();
const TENTHS = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
const WHOLE = { maximumFractionDigits: 0 };
const times = new Map<Language, Intl.DateTimeFormat>();

/** 1,234 */
export function countText(count: number, language: Language): string {
  return format(language, {}).format(count);
}

/** 42.3; from 100 on without a fraction. */
export function rateText(rate: number, language: Language): string {
  return format(language, rate < 99.95 ? TENTHS : WHOLE).format(rate);
}

/** 380 ms, 12.4 s, 3 min 20 s: the symbols are the same in every language. */
export function durationText(ms: number, language: Language): string {
  if (ms < 999.5) return `${countText(Math.round(ms), language)}\u00a0ms`;
  if (ms < 59_950) return `${format(language, TENTHS).format(ms / 1000)}\u00a0s`;
  const seconds = Math.round(ms / 1000);
  return `${countText(Math.floor(seconds / 60), language)}\u00a0min ${seconds % 60}\u00a0s`;
}

/** $0.0042, $1.25: small sums with two digits that say something. */
export function costText(usd: number, language: Language): string {
  const isSmall = usd > 0 && usd < 0.995;
  return format(language, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...(isSmall ? { minimumSignificantDigits: 2, maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 }),
  }).format(usd);
}

/** A price of a million tokens: $2.50, $0.075. */
export function priceText(usd: number, language: Language): string {
  const options = { minimumFractionDigits: 2, maximumFractionDigits: 4 };
  return format(language, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    ...options,
  }).format(usd);
}

/** 128K of English; 128.000 where a language has no short form. */
export function sizeText(tokens: number, language: Language): string {
  return format(language, { notation: "compact", maximumFractionDigits: 1 }).format(tokens);
}

/** The time of day, with seconds. */
export function timeText(at: Date, language: Language): string {
  let found = times.get(language);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", second: "2-digit" });
    times.set(language, found);
  }
  return found.format(at);
}

/** Made once: making one takes longer than using it. */
function format(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(language, options);
    formats.set(key, found);
  }
  return found;
}
