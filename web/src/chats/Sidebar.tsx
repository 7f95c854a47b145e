/** What stands beside the open chat: a new chat, the search, and the list of chats or what was found. */

import { SquarePen } from "lucide-preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { bindKey } from "../keys";
import { hashOf, route } from "../routes";
import { SearchField } from "../search/SearchField";
import { SearchResults } from "../search/SearchResults";
import { focusSearch, isSearching } from "../search/search";
import { ChatList } from "./ChatList";
import { ImportButton } from "./ImportButton";
import { watchChats } from "./list";
import { watchDays } from "./listing";
import styles from "./Sidebar.module.css";
import { watchUnread } from "./unread";

export function Sidebar() {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const ends = [watchUnread(), watchChats(), watchDays(), bindSearch()];
    return () => {
      for (const end of ends) end();
    };
  }, []);
  const toFirst = () => nav.current?.querySelector<HTMLElement>("li a:not([tabindex='-1'])")?.focus();
  return (
    <nav ref={nav} class={styles.sidebar} aria-label={t.value.chats}>
      <div class={styles.head}>
        <a
          class={styles.newChat}
          href={hashOf({ view: "new" })}
          aria-current={route.value.view === "new" ? "page" : undefined}
        >
          <SquarePen size={18} aria-hidden="true" />
          {t.value.newChat}
        </a>
        <ImportButton />
      </div>
      <SearchField onDown={toFirst} />
      {isSearching.value ? <SearchResults /> : <ChatList />}
    </nav>
  );
}

function bindSearch(): () => void {
  return bindKey({ keys: ["$mod+k", "/"], group: "chats", label: () => t.value.searchMessages, run: focusSearch });
}
