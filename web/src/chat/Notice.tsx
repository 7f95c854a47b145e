/** A line or two below a message about what became of it, with what can be done. */

import type { LucideIcon } from "lucide-preact";
import type { ComponentChildren } from "preact";
import styles from "./Notice.module.css";

export interface NoticeProps {
  tone: "plain" | "warning" | "danger";
  icon: LucideIcon;
  text: string;
  /** In the words of the server or the provider. */
  detail?: string;
  /** Buttons. */
  children?: ComponentChildren;
}

export function Notice({ tone, icon: Icon, text, detail = "", children }: NoticeProps) {
  return (
    <div class={`${styles.notice} ${styles[tone]}`}>
      <Icon size={18} aria-hidden="true" class={styles.icon} />
      <div class={styles.words}>
        <p>{text}</p>
        {detail !== "" && detail !== text && <p class={styles.detail}>{detail}</p>}
        {children && <div class={styles.buttons}>{children}</div>}
      </div>
    </div>
  );
}
