/** How a provider is: a dot whose form says it as well as its colour, and the word. */

import { t } from "../i18n/i18n";
import type { Provider } from "../live/status-feed";
import styles from "./StateDot.module.css";

export function StateDot({ state }: { state: Provider["state"] }) {
  return (
    <span class={styles.state}>
      <span class={`${styles.dot} ${styles[LOOKS[state]]}`} aria-hidden="true" />
      {stateText(state)}
    </span>
  );
}

export function stateText(state: Provider["state"]): string {
  return { HEALTHY: t.value.healthy, UNHEALTHY: t.value.unhealthy, NOT_CONFIGURED: t.value.notConfiguredState }[state];
}

const LOOKS = { HEALTHY: "healthy", UNHEALTHY: "unhealthy", NOT_CONFIGURED: "absent" } as const;
