/** A reply: what it says, how it ended, and what can be done with it. */

import { type ReadonlySignal, useComputed } from "@preact/signals";
import { Brain, GitFork, RefreshCw } from "lucide-preact";
import { t } from "../i18n/i18n";
import { RunNumbers } from "../providers/RunNumbers";
import { Markdown } from "../text/Markdown";
import { attempt } from "../ui/toasts";
import { continueReply, forkFrom, regenerate } from "./actions";
import { Branches } from "./Branches";
import { Checks } from "./Checks";
import type { Conversation, StoredMessage } from "./conversation";
import { EntryState } from "./EntryState";
import { Fold } from "./Fold";
import { type ReplyItem, type Segment, segmentsOf, textOf } from "./items";
import type { LiveReply } from "./live-reply";
import styles from "./Message.module.css";
import { Action, ActionRow, CopyAction } from "./MessageActions";
import { endOf, isCut, ReplyEnd } from "./ReplyEnd";
import { ToolCalls } from "./ToolCalls";
import type { ViewState } from "./view-state";
import { LiveState, Waiting } from "./Waiting";

export interface ReplyViewProps {
  item: ReplyItem;
  conversation: Conversation;
  view: ViewState;
  isLast: boolean;
}

export function ReplyView({ item, conversation, view, isLast }: ReplyViewProps) {
  const { parts, live, entry } = item;
  const stored = parts.filter((part) => part.role === "assistant");
  const [first] = stored;
  const last = stored.at(-1);
  const segments = segmentsOf(item);
  const end = endOf(last, live, conversation.endings.value);
  const isEnded = end !== null && entry === null;
  return (
    <>
      <h2 class={styles.by}>
        <span class="unseen">{t.value.assistant} </span>
        {live?.model.value || last?.model || ""}
      </h2>
      {segments.map((segment, place) => (
        <SegmentView
          key={segment.key}
          segment={segment}
          view={view}
          isGoingOn={live !== null && end === null && place === segments.length - 1}
        />
      ))}
      {live !== null && <LiveState live={live} />}
      {entry !== null && entry.state !== "refused" && <Waiting text={t.value.waiting} runId={entry.runId} />}
      {entry !== null && entry.state !== "accepted" && <EntryState entry={entry} onRevise={null} />}
      {live === null ? (
        <RunNumbers message={last ?? null} live={null} />
      ) : (
        <LiveNumbers message={last ?? null} live={live} />
      )}
      <Checks checks={stored.flatMap((part) => part.checks ?? [])} />
      {isEnded && (
        <ReplyEnd
          end={end}
          conversation={conversation}
          hasText={textOf(item) !== ""}
          onRetry={first?.id ? () => regenerate(conversation, first.id ?? "") : null}
          onContinue={isLast && last?.id && isCut(end) ? () => continueReply(conversation, last.id ?? "") : null}
        />
      )}
      <ActionRow isShown={isLast && isEnded}>
        {stored.map(
          (part) => part.branch && <Branches key={part.id} branch={part.branch} conversation={conversation} />,
        )}
        {(isEnded || last !== undefined) && <ReplyActions item={item} conversation={conversation} />}
      </ActionRow>
    </>
  );
}

/** The figures of what is being written, as soon as there is something: until then the waiting tells the time. */
function LiveNumbers({ message, live }: { message: StoredMessage | null; live: LiveReply }) {
  const isBegun = useComputed(() => live.text.value !== "" || live.reasoning.value !== "");
  return isBegun.value ? <RunNumbers message={message} live={live} /> : null;
}

function ReplyActions({ item, conversation }: { item: ReplyItem; conversation: Conversation }) {
  const messageId = item.parts.find((part) => part.role === "assistant")?.id;
  const lastId = item.parts.at(-1)?.id;
  const isBusy = conversation.isBusy.value;
  return (
    <>
      <CopyAction label={t.value.copyReply} textOf={() => textOf(item)} />
      {messageId && (
        <Action
          icon={RefreshCw}
          label={t.value.regenerate}
          isDisabled={isBusy}
          run={() => regenerate(conversation, messageId)}
        />
      )}
      {lastId && (
        <Action icon={GitFork} label={t.value.fork} run={() => void attempt(forkFrom(conversation.chatId, lastId))} />
      )}
    </>
  );
}

interface SegmentProps {
  segment: Segment;
  view: ViewState;
  /** More of it is to come. */
  isGoingOn: boolean;
}

/** Reads the live text itself, so that a token makes nothing anew but this. */
function SegmentView({ segment, view, isGoingOn }: SegmentProps) {
  const { key, live } = segment;
  const source = segment.text + read(live?.text);
  const reasoning = segment.reasoning + read(live?.reasoning);
  const calls = [...segment.calls, ...(live?.toolCalls.value ?? []).map((call) => ({ ...call, result: null }))];
  const isThinking = isGoingOn && source === "";
  return (
    <>
      {reasoning !== "" && (
        <Fold
          view={view}
          name={`${key}:reasoning`}
          icon={Brain}
          label={isThinking ? t.value.reasoningNow : t.value.reasoning}
          opensItself={isThinking}
        >
          {() => <Markdown source={reasoning} isLive={isThinking} />}
        </Fold>
      )}
      {source !== "" && <Markdown source={source} isLive={isGoingOn} />}
      <ToolCalls calls={calls} name={key} view={view} />
    </>
  );
}

function read(text: ReadonlySignal<string> | undefined): string {
  return text?.value ?? "";
}
