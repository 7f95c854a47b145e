/** What there is to see for who has come in: the chats at the side, and what the address asks for. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { forgetDrafts } from "../chat/drafts";
import { closeOutbox, openOutbox } from "../chat/outbox";
import { forgetChats } from "../chats/list";
import { Sidebar } from "../chats/Sidebar";
import { t } from "../i18n/i18n";
import { pressKey } from "../keys";
import { listen } from "../live/status-feed";
import { forgetOptions } from "../providers/options";
import { route } from "../routes";
import { clear as clearSearch } from "../search/search";
import { checkQuietly, session } from "../session/session";
import { gatherHistory } from "../status/history";
import { forgetToasts } from "../ui/toasts";
import { LineBanner } from "./LineBanner";
import { usePageKeys } from "./page-keys";
import styles from "./Shell.module.css";
import { isSheetOpen, ShortcutSheet } from "./ShortcutSheet";
import { SidebarFrame } from "./SidebarFrame";
import { closeDrawer, isDrawer, isSidebarShown, isWide } from "./sidebar";

export function Shell({ children }: { children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  useOwner();
  usePageKeys();
  useEffect(() => {
    addEventListener("keydown", pressKey);
    return () => removeEventListener("keydown", pressKey);
  }, []);
  useEffect(closeDrawer, [route.value]);
  const layout = isSidebarShown.value && isWide.value ? styles.withSidebar : styles.alone;
  return (
    <>
      <button type="button" class="skip" inert={isDrawer.value} onClick={() => main.current?.focus()}>
        {t.value.skipToContent}
      </button>
      <div class={layout}>
        <SidebarFrame>
          <Sidebar />
        </SidebarFrame>
        <main ref={main} class={styles.main} tabIndex={-1} inert={isDrawer.value}>
          <LineBanner />
          <div class={styles.view}>{children}</div>
        </main>
      </div>
      {isSheetOpen.value && <ShortcutSheet />}
    </>
  );
}

/** What goes on in the background for the owner of the chats, for as long as the session holds. */
function useOwner(): void {
  const isOpen = session.value.state === "open";
  useEffect(() => {
    void openOutbox();
    const stopGathering = gatherHistory();
    return () => {
      closeOutbox();
      stopGathering();
      forgetChats();
      forgetOptions();
      forgetDrafts();
      clearSearch();
      forgetToasts();
    };
  }, []);
  useEffect(() => {
    if (!isOpen) return;
    const ended = new AbortController();
    void listen(ended.signal, () => void checkQuietly());
    return () => ended.abort();
  }, [isOpen]);
}
