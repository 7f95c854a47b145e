/** The toasts that are shown now. */

import { X } from "lucide-preact";
import { t } from "../i18n/i18n";
import { Button, IconButton } from "./Button";
import styles from "./Toasts.module.css";
import { dismiss, hold, release, type Toast, toasts } from "./toasts";

export function Toasts() {
  const [failures, news] = [toasts.value.filter(isFailure), toasts.value.filter((toast) => !isFailure(toast))];
  // Both regions are there before there is something in them: screen readers hear only of changes.
  return (
    <div class={styles.toasts}>
      <div role="alert" class={styles.region}>
        {failures.map((toast) => (
          <Shown key={toast.id} toast={toast} />
        ))}
      </div>
      <div role="status" class={styles.region}>
        {news.map((toast) => (
          <Shown key={toast.id} toast={toast} />
        ))}
      </div>
    </div>
  );
}

function Shown({ toast: { id, tone, text, action } }: { toast: Toast }) {
  return (
    <div
      role="presentation"
      class={tone === "danger" ? styles.danger : styles.toast}
      onPointerEnter={() => hold(id)}
      onPointerLeave={() => release(id)}
      onFocusIn={() => hold(id)}
      onFocusOut={() => release(id)}
    >
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
  );
}

function isFailure(toast: Toast): boolean {
  return toast.tone === "danger";
}
