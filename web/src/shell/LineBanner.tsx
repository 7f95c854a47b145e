/** Says that the server is not heard, and that nothing is lost by that; short breaks are not worth a word. */

import { CloudOff } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { isOnline } from "../live/status-feed";
import { session } from "../session/session";
import styles from "./LineBanner.module.css";

const SHORT_MS = 1200;

export function LineBanner() {
  const isAway = isOnline.value === false && session.value.state === "open";
  const [isShown, setIsShown] = useState(false);
  useEffect(() => {
    if (!isAway) return setIsShown(false);
    const timer = setTimeout(() => setIsShown(true), SHORT_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  return (
    <div role="status">
      {isShown && (
        <p class={styles.banner}>
          <CloudOff size={18} aria-hidden="true" />
          {t.value.reconnecting}
        </p>
      )}
    </div>
  );
}
