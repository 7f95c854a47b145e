/** What is seen before it is known who uses the page: for a moment nothing, then why it takes so long. */

import { t } from "../i18n/i18n";
import styles from "./StartView.module.css";
import { isWaiting } from "./session";

export function StartView() {
  return (
    <main class={styles.view}>
      <h1 class="unseen">{t.value.appName}</h1>
      <div role="status">
        {isWaiting.value && (
          <>
            <p class={styles.what}>{t.value.startUnreachable}</p>
            <p class={styles.next}>{t.value.startUnreachableNext}</p>
          </>
        )}
      </div>
    </main>
  );
}
