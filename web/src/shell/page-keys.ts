/** The keys that hold wherever one is. */

import { useEffect } from "preact/hooks";
import { chats } from "../chats/list";
import { t } from "../i18n/i18n";
import { type Binding, bindKey } from "../keys";
import { go, route } from "../routes";
import { isSheetOpen } from "./ShortcutSheet";
import { toggleSidebar } from "./sidebar";

export function usePageKeys(): void {
  useEffect(() => {
    const ends = KEYS.map(bindKey);
    return () => {
      for (const end of ends) end();
    };
  }, []);
}

const KEYS: readonly Binding[] = [
  {
    keys: ["$mod+b"],
    group: "page",
    label: () => t.value.toggleSidebar,
    run: toggleSidebar,
  },
  { keys: ["s"], group: "page", label: () => t.value.showStatus, run: () => go({ view: "status" }) },
  {
    keys: ["?"],
    group: "page",
    label: () => t.value.showShortcuts,
    run: () => {
      isSheetOpen.value = true;
    },
  },
  { keys: ["$mod+Shift+o", "n"], group: "chats", label: () => t.value.newChat, run: () => go({ view: "new" }) },
  { keys: ["Alt+ArrowUp"], group: "chats", label: () => t.value.previousChat, run: () => goBeside(-1) },
  { keys: ["Alt+ArrowDown"], group: "chats", label: () => t.value.nextChat, run: () => goBeside(1) },
];

/** Open the chat that stands `offset` places below the open one in the list; from elsewhere, the first one. */
function goBeside(offset: number): void {
  const rows = chats.peek() ?? [];
  const place = route.peek();
  const now = place.view === "chat" ? rows.findIndex((row) => row.chatId === place.chatId) : -1;
  const next = rows[now < 0 ? 0 : now + offset];
  if (next) go({ view: "chat", chatId: next.chatId, messageId: null });
}
