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
  useFocus(frame);
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

/**
 * The buttons that show and hide the sidebar take turns, and so does the focus with them. A drawer takes it from wherever it
 * is, for what is behind is out of reach.
 */
function useFocus(frame: { readonly current: HTMLElement | null }): void {
  const isShown = isSidebarShown.value;
  const wasShown = useRef(isShown);
  useEffect(() => {
    if (wasShown.current === isShown) return;
    wasShown.current = isShown;
    const focused = document.activeElement;
    const isLost = focused === null || focused === document.body || frame.current?.contains(focused) === true;
    if (isShown && (isLost || isDrawer.peek())) frame.current?.querySelector("button")?.focus();
    if (!isShown && isLost) document.querySelector<HTMLElement>("[aria-controls=sidebar]")?.focus();
  }, [isShown, frame]);
}
