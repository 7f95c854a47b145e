/** The providers, each with how it is, why, and when it is tried again. Those that nobody configured are folded away. */

import { useComputed, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { language, t } from "../i18n/i18n";
import { defaultProvider, type Provider, providers } from "../live/status-feed";
import { refreshProviders } from "../providers/checking";
import { timeText } from "../providers/formats";
import { StateDot } from "../providers/StateDot";
import { troubleOf } from "../providers/trouble";
import { attempt } from "../ui/toasts";
import styles from "./ProviderCards.module.css";
import sections from "./StatusView.module.css";

export function ProviderCards() {
  useRefreshing();
  const configured = providers.value.filter(({ state }) => state !== "NOT_CONFIGURED");
  const others = providers.value.filter(({ state }) => state === "NOT_CONFIGURED");
  return (
    <section class={sections.section} aria-labelledby="providers-title">
      <h2 id="providers-title">{t.value.providersTitle}</h2>
      {configured.length === 0 && providers.value.length > 0 && <p class={sections.empty}>{t.value.noProvider}</p>}
      {configured.length > 0 && (
        <ul class={styles.cards}>
          {configured.map((provider) => (
            <Card key={provider.name} provider={provider} />
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <details class={styles.others}>
          <summary>{t.value.notConfigured(others.length)}</summary>
          <dl>
            {others.map(({ name, error }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{error}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Card({ provider }: { provider: Provider }) {
  const { name, state, models, last_checked } = provider;
  const facts = [
    last_checked ? t.value.lastChecked(timeText(new Date(last_checked), language.value)) : t.value.neverChecked,
    t.value.modelCount(models.length),
  ];
  return (
    <li class={styles.card}>
      <div class={styles.heading}>
        <h3>{name}</h3>
        {name === defaultProvider.value && <span class={styles.badge}>{t.value.defaultBadge}</span>}
        <StateDot state={state} />
      </div>
      <p role="status" class={styles.trouble}>
        {troubleOf(provider)}
      </p>
      <p class={styles.facts}>{facts.join(" · ")}</p>
    </li>
  );
}

/** The feed tells a change of state at once, and the rest every 30 s: who looks on wants it now. */
function useRefreshing(): void {
  const states = useComputed(() => providers.value.map(({ name, state }) => `${name} ${state}`).join("\n"));
  useEffect(() => void attempt(refreshProviders()), []);
  useSignalEffect(() => {
    if (states.value.includes("UNHEALTHY")) void attempt(refreshProviders());
  });
}
