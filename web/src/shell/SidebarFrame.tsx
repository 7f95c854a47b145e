/** The sidebar around the list of chats: a column where there is room, else a drawer that closes with Escape and by a tap beside it. */

import { PanelLeftClose } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { hashOf } from "../routes";
import { IconButton } from "../ui/Button";
import { Logo } from "../ui/Logo";
import { SidebarFooter } from "./SidebarFooter";
import styles from "./SidebarFrame.module.css";
import { closeDrawer, isDrawer, isSidebarShown, showSidebar } from "./sidebar";

export function SidebarFrame({ children }: { children: ComponentChildren }) {
  const frame = useRef<HTMLElement>(null);
  useDrawerFocus(frame);
  const look = isDrawer.value ? styles.drawer : styles.column;
  return (
    <>
      {isDrawer.value && (
        <button
          type="button"
          class={styles.beside}
          tabIndex={-1}
          aria-label={t.value.closeSidebar}
          onClick={closeDrawer}
        />
      )}
      <aside
        ref={frame}
        id="sidebar"
        class={`${styles.frame} ${look}`}
        aria-label={t.value.sidebar}
        hidden={!isSidebarShown.value}
        onKeyDown={(event) => {
          if (event.key === "Escape" && isDrawer.value && !event.defaultPrevented) closeDrawer();
        }}
        onClick={(event) => {
          // Also the link to where one is already, which changes no address.
          if (event.target instanceof Element && event.target.closest("a")) closeDrawer();
        }}
      >
        <header class={styles.header}>
          <a class={styles.name} href={hashOf({ view: "new" })}>
            <Logo size={24} />
            {t.value.appName}
          </a>
          <IconButton icon={PanelLeftClose} label={t.value.closeSidebar} onClick={() => showSidebar(false)} />
        </header>
        <div class={styles.list}>{children}</div>
        <SidebarFooter />
      </aside>
    </>
  );
}

/** A drawer takes the focus while it is open, and gives it back. */
function useDrawerFocus(frame: { readonly current: HTMLElement | null }): void {
  const isOpen = isDrawer.value;
  useEffect(() => {
    if (!isOpen) return;
    const before = document.activeElement;
    frame.current?.querySelector("button")?.focus();
    return () => {
      const isElsewhere = document.activeElement !== document.body && !frame.current?.contains(document.activeElement);
      if (!isElsewhere && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, [isOpen, frame]);
}
