/** The button that has the server ask all providers how they are. */

import { RefreshCw } from "lucide-preact";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { attempt } from "../ui/toasts";
import { checkNow, isChecking } from "./checking";

export function CheckNow() {
  // Why not disabled: the focus would be lost while it asks.
  return (
    <Button icon={RefreshCw} aria-disabled={isChecking.value} onClick={() => void attempt(checkNow())}>
      {isChecking.value ? t.value.checking : t.value.checkNow}
    </Button>
  );
}
