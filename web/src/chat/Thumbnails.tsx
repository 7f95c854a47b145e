/** Images of a message, small, each opening large in a dialog; those that are not sent yet can be taken away. */

import { X } from "lucide-preact";
import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Dialog } from "../ui/Dialog";
import styles from "./Thumbnails.module.css";

export function Thumbnails({ urls, onRemove }: { urls: readonly string[]; onRemove?: (place: number) => void }) {
  const [shown, setShown] = useState<number | null>(null);
  if (urls.length === 0) return null;
  const large = shown === null ? undefined : urls[shown];
  return (
    <ul class={styles.thumbnails}>
      {urls.map((url, place) => (
        <li key={`${place}:${url.length}:${url.slice(-32)}`} class={styles.thumbnail}>
          <button
            type="button"
            class={styles.show}
            onClick={() => setShown(place)}
            title={t.value.showImage(place + 1)}
          >
            <img src={url} alt={t.value.imageNumber(place + 1)} class={styles.image} />
          </button>
          {onRemove && (
            <button
              type="button"
              class={styles.remove}
              onClick={() => onRemove(place)}
              aria-label={t.value.removeImage(place + 1)}
              title={t.value.removeImage(place + 1)}
            >
              <X size={14} aria-hidden="true" />
            </button>
          )}
        </li>
      ))}
      {large !== undefined && shown !== null && (
        <Dialog title={t.value.imageNumber(shown + 1)} onClose={() => setShown(null)}>
          <img src={large} alt={t.value.imageNumber(shown + 1)} class={styles.large} />
        </Dialog>
      )}
    </ul>
  );
}
