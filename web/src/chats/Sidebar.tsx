/** What stands beside the open chat: a new chat, the search, the list of chats or what was found, and the way to the rest. */

import { SquarePen, Trash2 } from "lucide-preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { hashOf, route } from "../routes";
import { SearchField } from "../search/SearchField";
import { SearchResults } from "../search/SearchResults";
import { isSearching } from "../search/search";
import { ChatList } from "./ChatList";
import { ImportButton } from "./ImportButton";
import { watchChats } from "./list";
import { watchDays } from "./listing";
import styles from "./Sidebar.module.css";
import { watchUnread } from "./unread";

export function Sidebar() {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const ends = [watchUnread(), watchChats(), watchDays()];
    return () => {
      for (const end of ends) end();
    };
  }, []);
  const view = route.value.view;
  const toFirst = () => nav.current?.querySelector<HTMLElement>("li a:not([tabindex='-1'])")?.focus();
  return (
    <nav ref={nav} class={styles.sidebar} aria-label={t.value.chats}>
      <a class={styles.newChat} href={hashOf({ view: "new" })} aria-current={view === "new" ? "page" : undefined}>
        <SquarePen size={18} aria-hidden="true" />
        {t.value.newChat}
      </a>
      <SearchField onDown={toFirst} />
      {isSearching.value ? <SearchResults /> : <ChatList />}
      <footer class={styles.foot}>
        <ImportButton className={styles.footEntry ?? ""} />
        <a
          class={styles.footEntry}
          href={hashOf({ view: "trash" })}
          aria-current={view === "trash" ? "page" : undefined}
        >
          <Trash2 size={18} aria-hidden="true" />
          {t.value.trash}
        </a>
      </footer>
    </nav>
  );
}
