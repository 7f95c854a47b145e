/** A part of the page whose code is loaded when it is first shown, and loaded again on request when that failed. */

import type { ComponentType, FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Button } from "./Button";
import styles from "./Lazy.module.css";

/** `load` imports it. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): FunctionComponent<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [isFailed, setFailed] = useState(false);
    const [, setLoaded] = useState(loaded);
    useEffect(() => {
      if (loaded !== null || isFailed) return;
      load().then(
        (component) => {
          loaded = component;
          setLoaded(() => component);
        },
        () => setFailed(true),
      );
    }, [isFailed]);
    if (loaded !== null) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    return isFailed ? <Failed onAgain={() => setFailed(false)} /> : null;
  };
}

function Failed({ onAgain }: { onAgain: () => void }) {
  return (
    <div role="alert" class={styles.failed}>
      <p>{t.value.partNotLoaded}</p>
      <Button onClick={onAgain}>{t.value.tryAgain}</Button>
    </div>
  );
}
