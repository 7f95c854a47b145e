/** A field for text that grows with it, up to a part of the page. */

import type { RefObject } from "preact";
import styles from "./GrowingText.module.css";

export interface GrowingTextProps {
  field: RefObject<HTMLTextAreaElement>;
  label: string;
  placeholder?: string;
  value: string;
  onInput: (text: string) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

export function GrowingText({ field, label, placeholder = "", value, onInput, onKeyDown }: GrowingTextProps) {
  return (
    // The same text in a cell behind the field gives both their height: no script measures anything.
    <div class={styles.growing}>
      <textarea
        ref={field}
        class={styles.field}
        rows={1}
        aria-label={label}
        placeholder={placeholder}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class={styles.measure} aria-hidden="true">
        {`${value} `}
      </div>
    </div>
  );
}
