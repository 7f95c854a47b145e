/** Keeping what is shown of the providers fresh while somebody looks: the feed tells states at once, the rest every 30 s. */

import { useComputed, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { onGeneration, providers } from "../live/status-feed";
import { attempt } from "../ui/toasts";
import { refreshProviders } from "./checking";

const LEAST_MS = 5000;

/** Read the providers anew when one fails, when a reply failed, and when the time has come that one is tried again. */
export function useFreshProviders(): void {
  const states = useComputed(() => providers.value.map(({ name, state }) => `${name} ${state}`).join("\n"));
  useEffect(() => {
    void attempt(refreshProviders());
    return onGeneration(({ state }) => {
      if (state === "failed") void attempt(refreshProviders());
    });
  }, []);
  useSignalEffect(() => {
    if (states.value.includes(" UNHEALTHY")) void attempt(refreshProviders());
  });
  useSignalEffect(() => {
    const retries = providers.value.flatMap(({ retry_at }) => (retry_at ? [Date.parse(retry_at)] : []));
    if (retries.length === 0) return;
    const waitMs = Math.max(Math.min(...retries) - Date.now(), LEAST_MS);
    const timer = setTimeout(() => void attempt(refreshProviders()), waitMs);
    return () => clearTimeout(timer);
  });
}
