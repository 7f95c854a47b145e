/** The toasts that are shown now. */

import { X } from "lucide-preact";
import { t } from "../i18n/i18n";
import { Button, IconButton } from "./Button";
import styles from "./Toasts.module.css";
import { dismiss, toasts } from "./toasts";

export function Toasts() {
  return (
    <div class={styles.toasts} role="status" aria-live="polite">
      {toasts.value.map(({ id, tone, text, action }) => (
        <div key={id} class={tone === "danger" ? styles.danger : styles.toast}>
          <span>{text}</span>
          {action && (
            <Button
              onClick={() => {
                action.run();
                dismiss(id);
              }}
            >
              {action.label}
            </Button>
          )}
          <IconButton isSmall icon={X} label={t.value.close} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
