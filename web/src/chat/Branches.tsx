/** Which of several versions of a message is shown, and the way to the others. */

import { ChevronLeft, ChevronRight } from "lucide-preact";
import type { Schemas } from "../api/client";
import { t } from "../i18n/i18n";
import { attempt } from "../ui/toasts";
import styles from "./Branches.module.css";
import type { Conversation } from "./conversation";
import { Action } from "./MessageActions";

export function Branches({ branch, conversation }: { branch: Schemas["Branch"]; conversation: Conversation }) {
  const { number, count, message_ids: ids } = branch;
  const turn = (to: number) => {
    const messageId = ids[to - 1];
    if (messageId !== undefined) void attempt(conversation.switchTo(messageId));
  };
  const isBusy = conversation.isBusy.value;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields of a form
    <span class={styles.branches} role="group" aria-label={t.value.branches}>
      <Action
        icon={ChevronLeft}
        label={t.value.previousBranch}
        isDisabled={isBusy || number <= 1}
        run={() => turn(number - 1)}
      />
      <span class={styles.number}>{t.value.branchOf(number, count)}</span>
      <Action
        icon={ChevronRight}
        label={t.value.nextBranch}
        isDisabled={isBusy || number >= count}
        run={() => turn(number + 1)}
      />
    </span>
  );
}
