/** The head of a view: the way to the sidebar when that is hidden, the view's title, and what can be done there. */

import { PanelLeftOpen } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { t } from "../i18n/i18n";
import { IconButton } from "../ui/Button";
import { isSidebarShown, showSidebar } from "./sidebar";
import styles from "./ViewHeader.module.css";

export function ViewHeader({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class={styles.header}>
      {!isSidebarShown.value && (
        <IconButton
          icon={PanelLeftOpen}
          label={t.value.openSidebar}
          aria-expanded={false}
          aria-controls="sidebar"
          onClick={() => showSidebar(true)}
        />
      )}
      <h1 class={styles.title}>{title}</h1>
      {children}
    </header>
  );
}
