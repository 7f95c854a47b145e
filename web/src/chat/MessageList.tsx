/** The messages of a conversation, one under the other. Only those that are seen are in the page. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { ArrowDown } from "lucide-preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { say, sayFailure } from "../ui/toasts";
import type { Conversation } from "./conversation";
import { Following, isNearEnd } from "./following";
import { type Item, ItemKeys, isOf, itemsOf } from "./items";
import styles from "./MessageList.module.css";
import { MessageView } from "./MessageView";
import type { ViewState } from "./view-state";

const OLDER_BEFORE_PX = 1500; // so far above the view, older messages are read
const ABOVE_TARGET_PX = 16;
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
  useJump(conversation, view, messageId, newest, list, end.leave);
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

/** Whether older items were put before those that were shown. */
function useIsShifted(items: readonly Item[]): boolean {
  const before = useRef<readonly Item[]>([]);
  const isShifted =
    before.current.length > 0 &&
    items.length > before.current.length &&
    items.at(-1)?.key === before.current.at(-1)?.key &&
    items[0]?.key !== before.current[0]?.key;
  useLayoutEffect(() => {
    before.current = items;
  });
  return isShifted;
}

type ScrollerRef = { current: HTMLDivElement | null };

/** Keeps the view at the end for as long as the reader is there. */
function useEnd(conversation: Conversation, scroller: ScrollerRef, opensAtEnd: boolean) {
  const isNear = useSignal(true);
  const hasNews = useSignal(false);
  const end = useMemo(() => {
    const following = new Following();
    following.isOn = opensAtEnd;
    const now = () => {
      const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scroller.current ?? {};
      return { offset: scrollTop, size: scrollHeight, viewport: clientHeight };
    };
    const stick = () => {
      if (following.isOn && scroller.current !== null) scroller.current.scrollTop = scroller.current.scrollHeight;
    };
    const onScroll = () => {
      following.onScroll(now());
      isNear.value = following.isOn || isNearEnd(now());
      if (isNear.value) hasNews.value = false;
    };
    return {
      isNear,
      hasNews,
      stick,
      onScroll,
      onPull: () => following.onPull(now()),
      leave: () => {
        following.isOn = false;
      },
      follow: () => {
        following.isOn = true;
        stick();
      },
    };
  }, [conversation]);
  useEffect(() => {
    const content = scroller.current?.firstElementChild;
    if (!scroller.current || !content) return;
    const observer = new ResizeObserver(end.stick);
    observer.observe(scroller.current);
    observer.observe(content);
    return () => observer.disconnect();
  }, [end]);
  // Who asks something wants to see the answer.
  const lastAsked = useRef(conversation.asked.peek().at(-1)?.key);
  useSignalEffect(() => {
    const key = conversation.asked.value.at(-1)?.key;
    if (key !== undefined && key !== lastAsked.current) end.follow();
    lastAsked.current = key ?? lastAsked.current;
  });
  useSignalEffect(() => {
    const isWriting = (conversation.live.value?.text.value ?? "") !== "";
    if (isWriting && !isNear.peek()) hasNews.value = true;
  });
  return end;
}

/** Reads older messages, a page at a time. */
function useOlder(conversation: Conversation) {
  const state = useSignal<"rest" | "reading" | "failed">("rest");
  const read = async () => {
    if (state.peek() === "reading" || !conversation.hasOlder.peek()) return;
    state.value = "reading";
    try {
      await conversation.loadOlder();
      state.value = "rest";
    } catch (error) {
      state.value = "failed";
      sayFailure(error);
    }
  };
  return {
    state,
    /** Not again by itself after it failed. */
    read: () => {
      if (state.peek() === "rest") void read();
    },
    retry: () => void read(),
  };
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

/** Goes to the message that the address names. */
function useJump(
  conversation: Conversation,
  view: ViewState,
  messageId: string | null,
  items: { current: readonly Item[] },
  list: { current: VirtualizerHandle | null },
  leave: () => void,
) {
  useEffect(() => {
    if (messageId === null) return;
    let isOver = false;
    const jump = async () => {
      const isThere = await conversation.reach(messageId);
      if (isOver) return;
      const place = items.current.findIndex((item) => isOf(item, messageId));
      const key = items.current[place]?.key;
      if (!isThere || key === undefined) return say(t.value.messageGone);
      leave();
      list.current?.scrollToIndex(place, { align: "start", offset: -ABOVE_TARGET_PX });
      view.target.value = key;
    };
    jump().catch(sayFailure);
    return () => {
      isOver = true;
    };
  }, [conversation, messageId]);
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
