/** A view whose code comes when it is asked for, so that the page itself is here sooner. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import styles from "./Later.module.css";
import { ViewHeader } from "./ViewHeader";

/** The view that `load` brings. Until it is there only its head is shown; without a line one can try again. */
export function later(load: () => Promise<ComponentType>, titleOf: () => string): ComponentType {
  const found = signal<ComponentType | "missing" | null>(null);
  const fetch = () => {
    found.value = null;
    load().then(
      (view) => {
        found.value = view;
      },
      () => {
        found.value = "missing";
      },
    );
  };
  return function Later() {
    const View = found.value;
    useEffect(() => {
      if (found.peek() === null) fetch();
    }, []);
    if (View !== null && View !== "missing") return <View />;
    return (
      <>
        <ViewHeader title={titleOf()} />
        {View === "missing" && (
          <div class={styles.missing} role="alert">
            <p>{t.value.viewMissing}</p>
            {/* Only a new page asks for it anew: a module that failed once stays failed (HTML, fetch a single module script). */}
            <Button onClick={() => location.reload()}>{t.value.reload}</Button>
          </div>
        )}
      </>
    );
  };
}
