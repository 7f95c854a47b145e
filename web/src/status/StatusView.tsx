/** How the providers are, and how fast they have answered. */

import { t } from "../i18n/i18n";

export function StatusView() {
  return <h1>{t.value.status}</h1>;
}
