/** How the providers are, and how fast they have answered. */

import { t } from "../i18n/i18n";
import { ViewHeader } from "../shell/ViewHeader";

export function StatusView() {
  return <ViewHeader title={t.value.status} />;
}
