/** In an empty chat: that only the tiny model answers, or nobody, and what can be done about it. */

import { X } from "lucide-preact";
import { useState } from "preact/hooks";
import { BASE_URL } from "../api/client";
import { t } from "../i18n/i18n";
import { defaultProvider, isOnline, type Provider, providers } from "../live/status-feed";
import { keep, kept } from "../session/kept";
import { IconButton } from "../ui/Button";
import styles from "./FirstRunHint.module.css";

const TINY = "embedded";
const KEPT = "knows-tiny-model";

export type Hint = { kind: "tiny" } | { kind: "none"; reasons: readonly Provider[] };

/** What is to be said about who answers; null when somebody does. */
export function hintOf(known: readonly Provider[], chosen: string | null): Hint | null {
  const healthy = known.filter(({ state }) => state === "HEALTHY");
  if (known.length === 0 || healthy.some(({ name }) => name !== TINY)) return null;
  if (healthy.length > 0) return chosen === TINY ? { kind: "tiny" } : null;
  return { kind: "none", reasons: known.filter(({ state }) => state === "UNHEALTHY") };
}

export function FirstRunHint() {
  const hint = isOnline.value === true ? hintOf(providers.value, defaultProvider.value) : null;
  if (hint === null) return null;
  return hint.kind === "tiny" ? <TinyModel /> : <Nobody reasons={hint.reasons} />;
}

function TinyModel() {
  const [isKnown, setKnown] = useState(kept(KEPT) !== null);
  if (isKnown) return null;
  const dismiss = () => {
    keep(KEPT, "yes");
    setKnown(true);
  };
  return (
    <section class={styles.hint} aria-label={t.value.tinyModelTitle}>
      <header class={styles.header}>
        <h3>{t.value.tinyModelTitle}</h3>
        <IconButton isSmall icon={X} label={t.value.dismiss} onClick={dismiss} />
      </header>
      <p>{t.value.tinyModelAbout}</p>
      <HowTo />
    </section>
  );
}

function Nobody({ reasons }: { reasons: readonly Provider[] }) {
  return (
    <section class={styles.trouble} aria-label={t.value.noProviderTitle}>
      <h3>{t.value.noProviderTitle}</h3>
      {reasons.length > 0 && (
        <>
          <p>{t.value.noProviderAbout}</p>
          <ul class={styles.reasons}>
            {reasons.map(({ name, error }) => (
              <li key={name}>{t.value.noProviderReason(name, error ?? t.value.noReason)}</li>
            ))}
          </ul>
        </>
      )}
      <p>{t.value.nameProvider}</p>
      <HowTo />
    </section>
  );
}

function HowTo() {
  return (
    <>
      <pre class={styles.command}>
        <code>OPENAI_API_KEY=… make run</code>
      </pre>
      <p>
        {t.value.ollamaIsFound} <a href={new URL("docs", BASE_URL).href}>{t.value.apiAndSettings}</a>
      </p>
    </>
  );
}
