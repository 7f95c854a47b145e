/** How the providers are, what goes on now, and how fast they have answered since the page was opened. */

import { t } from "../i18n/i18n";
import { CheckNow } from "../providers/CheckNow";
import { ViewHeader } from "../shell/ViewHeader";
import { HistorySection } from "./HistorySection";
import { ProviderCards } from "./ProviderCards";
import { RunsSection } from "./RunsSection";
import styles from "./StatusView.module.css";

export function StatusView() {
  return (
    <div class={styles.view}>
      <ViewHeader title={t.value.status}>
        <CheckNow />
      </ViewHeader>
      <div class={styles.scrolled}>
        <div class={styles.content}>
          <ProviderCards />
          <RunsSection />
          <HistorySection />
        </div>
      </div>
    </div>
  );
}
