/** Something long under a line that opens it. What the reader opened or closed stays so. */

import type { LucideIcon } from "lucide-preact";
import type { ComponentChildren } from "preact";
import styles from "./Fold.module.css";
import type { ViewState } from "./view-state";

export interface FoldProps {
  view: ViewState;
  /** Of this fold among all of the chat. */
  name: string;
  icon: LucideIcon;
  label: string;
  /** Whether it is open as long as the reader has not said so. */
  opensItself?: boolean;
  /** Made only while it is open. */
  children: () => ComponentChildren;
}

export function Fold({ view, name, icon: Icon, label, opensItself = false, children }: FoldProps) {
  const chosen = view.folds.value.get(name);
  const isOpen = chosen ?? opensItself;
  return (
    <details
      class={styles.fold}
      open={isOpen}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open !== isOpen) view.fold(name, currentTarget.open);
      }}
    >
      <summary class={styles.label}>
        <Icon size={16} aria-hidden="true" />
        {label}
      </summary>
      {isOpen && <div class={`${styles.inside} ${chosen === undefined ? styles.peek : ""}`}>{children()}</div>}
    </details>
  );
}
