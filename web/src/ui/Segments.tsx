/** One choice of a few, each an icon: radio buttons, whose arrows the browser knows. */

import type { LucideIcon } from "lucide-preact";
import { useId } from "preact/hooks";
import styles from "./Segments.module.css";

export interface SegmentsProps<T> {
  label: string;
  options: readonly { value: T; label: string; icon: LucideIcon }[];
  value: T;
  onChoose: (value: T) => void;
}

export function Segments<T>({ label, options, value, onChoose }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class={styles.segments}>
      <legend class="unseen">{label}</legend>
      {options.map(({ value: each, label: own, icon: Icon }) => (
        <label key={own} title={own} class={styles.segment}>
          <input
            type="radio"
            class={styles.input}
            name={name}
            aria-label={own}
            checked={each === value}
            onChange={() => onChoose(each)}
          />
          <Icon size={16} aria-hidden="true" />
        </label>
      ))}
    </fieldset>
  );
}
