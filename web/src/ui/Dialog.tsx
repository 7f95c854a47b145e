/** A dialog before the page: the browser's own, which keeps the focus inside, closes with Escape, and gives the focus back. */

import { X } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { IconButton } from "./Button";
import styles from "./Dialog.module.css";

export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** Open for as long as it is rendered. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class={styles.dialog} aria-labelledby={heading} onClose={onClose}>
      <header class={styles.header}>
        <h2 id={heading}>{title}</h2>
        <IconButton icon={X} label={t.value.close} onClick={() => dialog.current?.close()} />
      </header>
      {children}
    </dialog>
  );
}
