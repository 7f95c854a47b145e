/** The messages of a conversation, one under the other. Only those that are seen are in the page. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { ArrowDown } from "lucide-preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import type { Conversation } from "./conversation";
import { type Item, ItemKeys, isOf, itemsOf } from "./items";
import { useJump } from "./jump";
import { useEnd } from "./list-end";
import styles from "./MessageList.module.css";
import { MessageView } from "./MessageView";
import { useIsShifted, useOlder } from "./older";
import type { ViewState } from "./view-state";

const OLDER_BEFORE_PX = 1500; // so far above the view, older messages are read
const UP_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);

export interface MessageListProps {
  conversation: Conversation;
  view: ViewState;
  /** The message to go to; null is the end. */
  messageId: string | null;
}

export function MessageList({ conversation, view, messageId }: MessageListProps) {
  const keys = useMemo(() => new ItemKeys(), [conversation]);
  const items = itemsOf(conversation.messages.value, conversation.live.value, conversation.asked.value, keys);
  const newest = useRef(items);
  newest.current = items;
  const isShifted = useIsShifted(items);
  const list = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const end = useEnd(conversation, scroller, messageId === null);
  const older = useOlder(conversation);
  const focused = useSignal<string | null>(null);
  useJump(conversation, view, messageId, newest, list, scroller, end.leave);
  useSignalEffect(() => {
    if (view.editing.value !== null) end.leave(); // what is edited stays in sight
  });
  useLayoutEffect(end.stick, [items.length]);

  const kept = items.flatMap((item, place) =>
    item.key === focused.value || isOf(item, view.editing.value?.messageId ?? null) ? [place] : [],
  );
  const goToEnd = () => {
    end.follow();
    scroller.current?.focus({ preventScroll: true }); // the button goes
  };
  return (
    <div class={styles.frame}>
      {older.state.value !== "rest" && <OlderState older={older} />}
      <div
        ref={scroller}
        class={styles.scroller}
        role="log"
        aria-live="off"
        aria-busy={conversation.live.value !== null}
        aria-label={t.value.messages}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
        tabIndex={0}
        onScroll={({ currentTarget }) => {
          end.onScroll();
          if (currentTarget.scrollTop < OLDER_BEFORE_PX) older.read();
        }}
        onWheel={(event) => event.deltaY < 0 && end.onPull()}
        onTouchMove={end.onPull}
        onKeyDown={(event) => event.target === scroller.current && UP_KEYS.has(event.key) && end.onPull()}
        onFocusIn={({ target }) => {
          focused.value = (target as Element).closest<HTMLElement>("[data-key]")?.dataset.key ?? null;
        }}
      >
        <Virtualizer ref={list} data={items} shift={isShifted} keepMounted={kept} onResize={end.stick}>
          {(item: Item, place: number) => (
            <MessageView
              key={item.key}
              item={item}
              conversation={conversation}
              view={view}
              isLast={place === items.length - 1}
            />
          )}
        </Virtualizer>
      </div>
      {!end.isNear.value && <ToNewest hasNews={end.hasNews.value} run={goToEnd} />}
    </div>
  );
}

function OlderState({ older }: { older: ReturnType<typeof useOlder> }) {
  return (
    <div class={styles.older}>
      {older.state.value === "failed" ? (
        <Button onClick={older.retry}>{t.value.tryAgain}</Button>
      ) : (
        <span class={styles.olderText}>{t.value.loadingOlder}</span>
      )}
    </div>
  );
}

function ToNewest({ hasNews, run }: { hasNews: boolean; run: () => void }) {
  const label = hasNews ? t.value.newMessages : t.value.toNewest;
  return (
    <button type="button" class={styles.toNewest} aria-label={label} title={label} onClick={run}>
      <ArrowDown size={20} aria-hidden="true" />
      {hasNews && <span class={styles.news} />}
    </button>
  );
}
