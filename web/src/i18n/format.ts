/** Numbers and times as the reader of the page writes them. */

import { locale } from "./i18n";

/** `1,234.5`; `digits` after the point at most. */
export function numberText(value: number, digits = 1): string {
  return new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value);
}

/** The day and the time of day of an ISO 8601 time, in the reader's time zone. */
export function timeText(iso: string): string {
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}
