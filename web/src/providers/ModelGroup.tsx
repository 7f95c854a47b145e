/** The models of one provider in the picker, under its name and how it is. */

import type { ComponentChildren } from "preact";
import type { Provider } from "../live/status-feed";
import styles from "./ModelGroup.module.css";
import { StateDot } from "./StateDot";
import { troubleOf } from "./trouble";

export interface ModelGroupProps {
  id: string;
  provider: Provider | null;
  children: ComponentChildren;
}

export function ModelGroup({ id, provider, children }: ModelGroupProps) {
  if (provider === null) return <>{children}</>;
  const trouble = troubleOf(provider);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a listbox
    <div role="group" aria-labelledby={id} class={styles.group}>
      <div id={id} class={styles.header}>
        <span class={styles.name}>{provider.name}</span>
        <StateDot state={provider.state} />
        {trouble && <span class={styles.trouble}>{trouble}</span>}
      </div>
      {children}
    </div>
  );
}
