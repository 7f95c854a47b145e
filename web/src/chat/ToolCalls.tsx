/** The functions that a reply wanted called, and what they gave. */

import { Wrench } from "lucide-preact";
import { t } from "../i18n/i18n";
import { Fold } from "./Fold";
import type { ToolUse } from "./items";
import styles from "./ToolCalls.module.css";
import type { ViewState } from "./view-state";

export function ToolCalls({ calls, name, view }: { calls: readonly ToolUse[]; name: string; view: ViewState }) {
  return (
    <>
      {calls.map((call, place) => (
        <Fold
          key={`${place}:${call.id}`}
          view={view}
          name={`${name}:call:${place}`}
          icon={Wrench}
          label={t.value.toolCall(call.name || call.id)}
        >
          {() => <Call call={call} />}
        </Fold>
      ))}
    </>
  );
}

function Call({ call }: { call: ToolUse }) {
  return (
    <>
      <h3 class={styles.heading}>{t.value.toolArguments}</h3>
      <pre class={styles.code}>{prettyJson(call.arguments)}</pre>
      <h3 class={styles.heading}>{t.value.toolResult}</h3>
      {call.result === null ? <p>{t.value.toolWaits}</p> : <pre class={styles.code}>{prettyJson(call.result)}</pre>}
    </>
  );
}

/** JSON with its lines indented; other text as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // models write what they like
  }
}
