/** The list of chats, beside the one that is open. */

import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { hashOf } from "../routes";
import { attempt } from "../ui/toasts";
import { chats, refresh, watchChats } from "./list";

export function Sidebar() {
  useEffect(() => {
    void attempt(refresh());
    return watchChats();
  }, []);
  return (
    <nav aria-label={t.value.chats}>
      <a href={hashOf({ view: "new" })}>{t.value.newChat}</a>
      {(chats.value ?? []).map(({ chatId, title }) => (
        <a key={chatId} href={hashOf({ view: "chat", chatId, messageId: null })}>
          {title || chatId}
        </a>
      ))}
    </nav>
  );
}
