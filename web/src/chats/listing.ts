/** The list of chats as it is shown: under headings of days, which change at midnight. */

import { computed, signal } from "@preact/signals";
import { language, t } from "../i18n/i18n";
import { chats } from "./list";
import { sectioned } from "./sections";

const LOOK_MS = 60_000;

/** Changes once a day. */
const today = signal(new Date().toDateString());

export const listing = computed(() => {
  const { today: todayName, yesterday, lastSevenDays } = t.value;
  const names = { today: todayName, yesterday, lastDays: lastSevenDays };
  return sectioned(chats.value ?? [], new Date(today.value), names, language.value);
});

/** Keep to the calendar. Returns what ends it. */
export function watchDays(): () => void {
  const look = () => {
    today.value = new Date().toDateString();
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}
