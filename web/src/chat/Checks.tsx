/** What the server's checks say of a message, where that is not that all is well. */

import { ShieldAlert } from "lucide-preact";
import type { Schemas } from "../api/client";
import { t } from "../i18n/i18n";
import { Notice } from "./Notice";

export function Checks({ checks }: { checks: readonly Schemas["CheckResult"][] }) {
  return (
    <>
      {checks.map(({ name, verdict, detail = "" }) => {
        if (verdict !== "warn" && verdict !== "deny") return null;
        const text = verdict === "warn" ? t.value.checkWarns(name) : t.value.checkDenies(name);
        return (
          <Notice
            key={name}
            tone={verdict === "warn" ? "warning" : "danger"}
            icon={ShieldAlert}
            text={text}
            detail={detail}
          />
        );
      })}
    </>
  );
}
