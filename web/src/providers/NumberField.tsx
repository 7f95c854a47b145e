/** A number that is typed. What is none, or out of bounds, is said and changes nothing. */

import { useId, useState } from "preact/hooks";
import { language, t } from "../i18n/i18n";
import { countText } from "./formats";
import { numberIn } from "./numbers";
import styles from "./SettingsFields.module.css";

export interface NumberFieldProps {
  label: string;
  /** Null: the field is empty. */
  value: number | null;
  least: number;
  most: number;
  /** 1 takes whole numbers alone. */
  step: number;
  /** Whether it may be empty. */
  isOptional?: boolean;
  onChange: (value: number | null) => void;
}

export function NumberField({ label, value, least, most, step, isOptional = false, onChange }: NumberFieldProps) {
  const id = useId();
  /** The text as it is typed, for as long as it stands for the value: `1.` on the way to `1.5` is 1. */
  const [typed, setTyped] = useState<{ text: string; value: number | null } | null>(null);
  const isTyped = typed !== null && typed.value === value;
  const read = (text: string) => {
    const given = numberIn(text, least, most, step);
    return given === null && !isOptional ? undefined : given;
  };
  const isBad = isTyped && read(typed.text) === undefined;
  const onInput = (text: string) => {
    const given = read(text);
    setTyped({ text, value: given === undefined ? value : given });
    if (given !== undefined) onChange(given);
  };
  return (
    <span class={styles.number}>
      <input
        type="text"
        inputMode="decimal"
        class={styles.input}
        aria-label={label}
        aria-invalid={isBad}
        aria-describedby={isBad ? id : undefined}
        value={isTyped ? typed.text : textOf(value)}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <span id={id} class={styles.error} role="status">
        {isBad && t.value.notANumber(countText(least, language.value), countText(most, language.value))}
      </span>
    </span>
  );
}

function textOf(value: number | null): string {
  return value === null ? "" : String(value);
}
