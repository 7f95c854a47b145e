/** The list of chats under headings: today, yesterday, the last 7 days, then the months. */

import type { Language } from "../i18n/strings";
import type { ChatRow, Position } from "./stretch";

/** Stands where its first chat stands. */
export interface Heading extends Position {
  readonly label: string;
}

export type ListItem = ChatRow | Heading;

export interface DayNames {
  today: string;
  yesterday: string;
  lastDays: string;
}

export function isHeading(item: ListItem): item is Heading {
  return "label" in item;
}

/** `rows`, newest first, with a heading before the first of each section. Days are those of the clock of `now`. */
export function sectioned(rows: readonly ChatRow[], now: Date, names: DayNames, language: Language): ListItem[] {
  const items: ListItem[] = [];
  let sinceUtc: string | null = null;
  for (const row of rows) {
    if (sinceUtc === null || row.lastUpdated < sinceUtc) {
      const section = sectionOf(row.lastUpdated, now, names, language);
      sinceUtc = section.sinceUtc;
      items.push({ label: section.label, chatId: row.chatId, lastUpdated: row.lastUpdated });
    }
    items.push(row);
  }
  return items;
}

function sectionOf(
  moment: string,
  now: Date,
  names: DayNames,
  language: Language,
): { label: string; sinceUtc: string } {
  const days: [string, number][] = [
    [names.today, 0],
    [names.yesterday, 1],
    [names.lastDays, 7],
  ];
  for (const [label, ago] of days) {
    const sinceUtc = utcOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - ago));
    if (moment >= sinceUtc) return { label, sinceUtc };
  }
  const then = new Date(moment);
  const year = then.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  const label = new Intl.DateTimeFormat(language, { month: "long", ...year }).format(then);
  return { label, sinceUtc: utcOf(new Date(then.getFullYear(), then.getMonth(), 1)) };
}

/** As the server writes moments, down to the second: sorts before each moment in it. */
function utcOf(day: Date): string {
  return day.toISOString().slice(0, 19);
}
