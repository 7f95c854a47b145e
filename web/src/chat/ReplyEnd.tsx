/** How a reply came to its end, where that was no proper one, and what can be done about it. */

import { CircleStop, Play, RefreshCw, ShieldAlert, TriangleAlert } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import type { Conversation, StoredMessage } from "./conversation";
import type { Ending, LiveReply } from "./live-reply";
import { Notice } from "./Notice";
import { cutText, LASTING_CODES, problemText } from "./problems";

/** The end of a reply, from its last message or, before that is stored, from its run. */
export interface End {
  runId: string;
  /** `complete`, `stopped`, `failed` or `interrupted`. */
  status: string;
  finishReason: string | null;
  code: string;
  detail: string;
  isDropped: boolean;
}

/** Null while it is being written. */
export function endOf(
  last: StoredMessage | undefined,
  live: LiveReply | null,
  endings: ReadonlyMap<string, Ending>,
): End | null {
  if (live !== null) return live.ending.value === null ? null : endOfRun(live.runId, live.ending.value);
  if (last === undefined) return null;
  const runId = last.run_id ?? "";
  const ending = endings.get(runId);
  const detail = ending?.type === "failed" ? ending.failed.detail : "";
  const isDropped = ending?.type === "done" && ending.done.rolled_back === true;
  const { status, finish_reason: finishReason, error } = last;
  return {
    runId,
    status: status ?? "complete",
    finishReason: finishReason ?? null,
    code: error ?? "",
    detail,
    isDropped,
  };
}

function endOfRun(runId: string, ending: Ending): End {
  if (ending.type === "failed") {
    const { code, detail, state } = ending.failed;
    return { runId, status: state, finishReason: null, code, detail, isDropped: false };
  }
  const { state, finish_reason: finishReason, rolled_back: isDropped = false } = ending.done;
  return { runId, status: state === "completed" ? "complete" : state, finishReason, code: "", detail: "", isDropped };
}

/** Whether the server can go on with a reply that ended so (docs/api.md, Continue). */
export function isCut({ status, finishReason }: Pick<End, "status" | "finishReason">): boolean {
  return status === "stopped" || status === "failed" || status === "interrupted" || finishReason === "length";
}

export interface ReplyEndProps {
  end: End;
  conversation: Conversation;
  hasText: boolean;
  /** Null where it cannot be done. */
  onRetry: (() => void) | null;
  onContinue: (() => void) | null;
}

export function ReplyEnd({ end, conversation, hasText, onRetry, onContinue }: ReplyEndProps) {
  const isBusy = conversation.isBusy.value;
  const goOn = onContinue && (
    <Button icon={Play} disabled={isBusy} onClick={onContinue}>
      {t.value.goOn}
    </Button>
  );
  const retry = onRetry && (
    <Button icon={RefreshCw} disabled={isBusy} onClick={onRetry}>
      {t.value.retry}
    </Button>
  );
  if (end.isDropped) return <Notice tone="plain" icon={CircleStop} text={t.value.rolledBack} />;
  if (end.status === "failed" || end.status === "interrupted") {
    return (
      <Failure end={end} hasText={hasText}>
        {!LASTING_CODES.has(end.code) && hasText && goOn}
        {retry}
      </Failure>
    );
  }
  if (end.status === "stopped") return <Stopped end={end} conversation={conversation} buttons={goOn} />;
  const cut = cutText(end.finishReason, t.value);
  if (cut === null) return null;
  const isLength = end.finishReason === "length";
  return (
    <Notice tone={isLength ? "plain" : "warning"} icon={isLength ? CircleStop : TriangleAlert} text={cut}>
      {isLength ? goOn : retry}
    </Notice>
  );
}

function Failure({ end, hasText, children }: { end: End; hasText: boolean; children: ComponentChildren }) {
  const interrupted = hasText ? t.value.problems.run_interrupted : t.value.interruptedUnbegun;
  const text = end.status === "interrupted" ? interrupted : problemText(end.code, t.value);
  return (
    <Notice
      tone={end.status === "interrupted" ? "warning" : "danger"}
      icon={end.code === "content_denied" ? ShieldAlert : TriangleAlert}
      text={hasText ? `${text} ${t.value.keptPart}` : text}
      detail={end.status === "interrupted" ? "" : end.detail} // the server says the same of it
    >
      {children}
    </Notice>
  );
}

function Stopped({ end, conversation, buttons }: { end: End; conversation: Conversation; buttons: ComponentChildren }) {
  const receipt = conversation.receipts.value.get(end.runId);
  const parts = receipt ? [t.value.stopReceipt(receipt.completion_tokens)] : [t.value.stoppedReply];
  if (receipt?.upstream_closed) parts.push(t.value.upstreamClosed);
  return (
    <Notice tone="plain" icon={CircleStop} text={parts.join(" ")}>
      {buttons}
    </Notice>
  );
}
