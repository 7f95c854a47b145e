/** Why a provider does not answer, and when it is tried again. */

import { language, t } from "../i18n/i18n";
import type { Provider } from "../live/status-feed";
import { timeText } from "./formats";

export function troubleOf({ state, error, retry_at }: Provider): string {
  if (state === "HEALTHY") return "";
  const retry = retry_at ? t.value.retryAt(timeText(new Date(retry_at), language.value)) : "";
  return [error ?? "", retry].filter(Boolean).join(" ");
}
