/** The temperature: the model's own, or a number from 0 to 2. */

import { useId } from "preact/hooks";
import { t } from "../i18n/i18n";
import { NumberField } from "./NumberField";
import styles from "./SettingsFields.module.css";

const LEAST = 0;
const MOST = 2;
const USUAL = 1;

export function TemperatureField({
  value,
  onChange,
}: {
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const id = useId();
  return (
    <fieldset class={styles.field} aria-describedby={`${id}-hint`}>
      <legend class={styles.label}>{t.value.temperature}</legend>
      <label class={styles.check}>
        <input
          type="checkbox"
          checked={value === null}
          onChange={(event) => onChange(event.currentTarget.checked ? null : USUAL)}
        />
        {t.value.modelsOwn}
      </label>
      {value !== null && (
        <div class={styles.row}>
          <input
            type="range"
            class={styles.slider}
            aria-label={t.value.temperature}
            min={LEAST}
            max={MOST}
            step={0.1}
            value={value}
            onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
          />
          <NumberField
            label={t.value.temperature}
            value={value}
            least={LEAST}
            most={MOST}
            step={0.1}
            onChange={onChange}
          />
        </div>
      )}
      <p id={`${id}-hint`} class={styles.hint}>
        {t.value.temperatureHint}
      </p>
    </fieldset>
  );
}
