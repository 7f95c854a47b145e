/** Which line is whose. */

import styles from "./Legend.module.css";
import { lookOf } from "./looks";

export function Legend({ providers }: { providers: readonly string[] }) {
  return (
    <ul class={styles.legend}>
      {providers.map((provider, place) => (
        <li key={provider}>
          <Sample place={place} />
          {provider}
        </li>
      ))}
    </ul>
  );
}

function Sample({ place }: { place: number }) {
  const { colour, dash, marker } = lookOf(place);
  return (
    <svg width="40" height="14" viewBox="-20 -7 40 14" aria-hidden="true" style={{ color: `var(${colour})` }}>
      <path d="M-20 0H20" stroke="currentColor" stroke-width="2" stroke-dasharray={dash.join(" ")} />
      <path d={marker} transform="scale(4.5)" fill="currentColor" />
    </svg>
  );
}
