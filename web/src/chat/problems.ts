/** Failures and ends of replies in the reader's words. The server's own words for a failure are its `detail`. */

import type { Strings } from "../i18n/strings";

/** What a failure with this code means, for somebody who reads chats and no logs. */
export function problemText(code: string, strings: Strings): string {
  const known: Readonly<Record<string, string>> = strings.problems;
  return known[code] ?? strings.problemUnknown;
}

/** Why a reply is no whole one though nothing failed; null when it is whole. */
export function cutText(finishReason: string | null, strings: Strings): string | null {
  const known: Readonly<Record<string, string>> = strings.cuts;
  return finishReason === null ? null : (known[finishReason] ?? null);
}

/** Failures of the message itself: made anew it fails again. */
export const LASTING_CODES: ReadonlySet<string> = new Set(["content_denied", "context_too_long", "invalid_request"]);
