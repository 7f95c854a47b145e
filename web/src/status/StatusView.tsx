/** How the providers are, what goes on now, and how fast they have answered since the page was opened. */

import { t } from "../i18n/i18n";
import { CheckNow } from "../providers/CheckNow";
import { HistorySection } from "./HistorySection";
import { ProviderCards } from "./ProviderCards";
import { RunsSection } from "./RunsSection";
import styles from "./StatusView.module.css";

export function StatusView() {
  return (
    <div class={styles.view}>
      <div class={styles.content}>
        <header class={styles.header}>
          <h1>{t.value.status}</h1>
          <CheckNow />
        </header>
        <ProviderCards />
        <RunsSection />
        <HistorySection />
      </div>
    </div>
  );
}
