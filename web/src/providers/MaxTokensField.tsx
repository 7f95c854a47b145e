/** How many tokens a reply may have. */

import { t } from "../i18n/i18n";
import { NumberField } from "./NumberField";
import styles from "./SettingsFields.module.css";

const MOST = 1_000_000;

export function MaxTokensField({
  value,
  onChange,
}: {
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  return (
    <div class={styles.field}>
      <span class={styles.label} aria-hidden="true">
        {t.value.maxTokens}
      </span>
      <NumberField
        label={t.value.maxTokens}
        value={value}
        least={1}
        most={MOST}
        step={1}
        isOptional
        onChange={onChange}
      />
      <p class={styles.hint}>{t.value.maxTokensHint}</p>
    </div>
  );
}
