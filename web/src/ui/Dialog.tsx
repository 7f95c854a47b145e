/**
 * A dialog before the page: the browser's own, which keeps the focus inside, closes with Escape, and gives the focus back.
 * A click beside it closes it, too.
 */

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
  const ended = useRef(onClose);
  ended.current = onClose;
  useEffect(() => {
    const shown = dialog.current;
    if (shown === null) return;
    shown.showModal();
    // Why on pressing: a selection of text that is drawn to beyond the edge ends with a click there.
    const onPress = (event: PointerEvent) => {
      if (event.target === shown && isBeside(shown.getBoundingClientRect(), event)) shown.close();
    };
    const onEnd = () => ended.current();
    shown.addEventListener("pointerdown", onPress);
    shown.addEventListener("close", onEnd);
    return () => {
      shown.removeEventListener("close", onEnd); // who takes it away knows that it is closed
      shown.close(); // gives the focus back
    };
  }, []);
  return (
    <dialog ref={dialog} class={styles.dialog} aria-labelledby={heading}>
      <header class={styles.header}>
        <h2 id={heading}>{title}</h2>
        <IconButton icon={X} label={t.value.close} onClick={() => dialog.current?.close()} />
      </header>
      {children}
    </dialog>
  );
}

/** Whether a point is outside of a rectangle. */
export function isBeside(edge: DOMRect, { clientX: x, clientY: y }: { clientX: number; clientY: number }): boolean {
  return x < edge.left || x > edge.right || y < edge.top || y > edge.bottom;
}
