/** The list of chats. Only what is seen is in the document, and what is further down is read as one scrolls. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { Unreachable } from "../api/client";
import { t } from "../i18n/i18n";
import { route } from "../routes";
import { Button } from "../ui/Button";
import { removeWithUndo } from "./actions";
import styles from "./ChatList.module.css";
import { ChatListRow, renamed } from "./ChatListRow";
import { chats, hasMore, loadMore, problem, rowOf, tryAgain } from "./list";
import { listing } from "./listing";
import { isHeading, type ListItem } from "./sections";
import { type ChatRow, indexAt, type Position } from "./stretch";

const AHEAD = 150; // items below what is seen that should be there
const SKELETONS = ["70%", "85%", "55%", "75%", "60%", "80%"];

export function ChatList() {
  if (chats.value === null) return problem.value === null ? <Skeleton /> : <Problem />;
  if (chats.value.length === 0) return <NoChats />;
  return <Rows />;
}

function Rows() {
  const box = useRef<HTMLDivElement>(null);
  const handle = useRef<VirtualizerHandle>(null);
  const items = listing.value;
  const { onScroll } = useSteadyScroll(handle, items);
  // The row that Tab comes to; arrow keys move it (WAI-ARIA Authoring Practices, roving tabindex).
  const [tabStop, setTabStop] = useState<Position | null>(null);
  const wantsFocus = useRef(false);
  const stop = stopIn(items, tabStop);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    handle.current?.scrollToIndex(stop === 1 ? 0 : stop, { align: "nearest" });
    focusWhenSeen(() => box.current?.querySelector("a[tabindex='0']"));
  });
  const focusOn = (index: number) => {
    wantsFocus.current = true;
    const { chatId, lastUpdated } = items[index] as ListItem;
    setTabStop({ chatId, lastUpdated });
  };
  const onDelete = ({ chatId, title }: ChatRow) => {
    const below = walked(items, stop, "ArrowDown", 1) ?? stop;
    focusOn(below !== stop ? below : (walked(items, stop, "ArrowUp", 1) ?? stop));
    void removeWithUndo(chatId, title);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const link = (event.target as HTMLElement).closest<HTMLElement>("a[data-chat]");
    const row = rowOf(link?.dataset.chat ?? "");
    if (row === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor((handle.current?.viewportSize ?? 0) / (link?.offsetHeight || 1)) - 1);
    const next = walked(items, stop, event.key, page);
    if (next !== null) focusOn(next);
    else if (event.key === "F2") renamed.value = row.chatId;
    else if (event.key === "Delete") onDelete(row);
    else return;
    event.preventDefault();
  };
  const onFocusIn = (event: FocusEvent) => {
    const row = rowOf((event.target as HTMLElement).closest<HTMLElement>("[data-chat]")?.dataset.chat ?? "");
    if (row !== undefined) setTabStop(row);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears the keys of its links
    <div ref={box} class={styles.list} onKeyDown={onKeyDown} onFocusIn={onFocusIn}>
      <Virtualizer ref={handle} as="ul" item="li" data={items} itemSize={40} keepMounted={[stop]} onScroll={onScroll}>
        {(item: ListItem, index: number) =>
          isHeading(item) ? (
            <h2 key={item.label} class={styles.heading}>
              {item.label}
            </h2>
          ) : (
            <ChatListRow key={item.chatId} row={item} isTabStop={index === stop} onDelete={onDelete} />
          )
        }
      </Virtualizer>
      {problem.value !== null && hasMore.value && <Problem />}
    </div>
  );
}

const MOST_FRAMES = 30;

/** Put the focus on what `find` finds, in some frames: a row that comes from far away is hidden until it is measured. */
function focusWhenSeen(find: () => HTMLElement | null | undefined, tries = 0): void {
  const found = find();
  found?.focus({ preventScroll: true });
  if (document.activeElement === found || tries > MOST_FRAMES) return;
  requestAnimationFrame(() => focusWhenSeen(find, tries + 1));
}

/** Keep what is seen where it is when chats come, go or move above it, and have more read in time. */
function useSteadyScroll(handle: { current: VirtualizerHandle | null }, items: readonly ListItem[]) {
  /** What stands first of what is seen, and how far it has left it, in pixels; null at the top, where new chats are seen. */
  const first = useRef<{ place: Position; index: number; passedPx: number } | null>(null);
  const shown = useRef(items);
  useLayoutEffect(() => {
    const [list, before] = [handle.current, first.current];
    shown.current = items;
    if (list === null || before === null) return;
    const index = seenAgain(items, before.place);
    if (index !== before.index) list.scrollTo(list.getItemOffset(index) + before.passedPx);
  }, [handle, items]);
  const onScroll = (offset: number) => {
    const list = handle.current;
    if (list === null) return;
    const index = list.findItemIndex(offset);
    const place = shown.current[index];
    const isTop = offset <= 0 || place === undefined;
    first.current = isTop ? null : { place, index, passedPx: offset - list.getItemOffset(index) };
    const isNearEnd = list.findItemIndex(offset + list.viewportSize) > shown.current.length - AHEAD;
    if (isNearEnd && hasMore.peek()) void loadMore();
  };
  return { onScroll };
}

/** Where in `items` that is which stood at `place`, or what came after it. */
function seenAgain(items: readonly ListItem[], place: Position): number {
  const index = indexAt(items, place);
  const isHeadingOfIt = isHeading(items[index] ?? { chatId: "", lastUpdated: "", title: "" });
  return Math.min(isHeadingOfIt && !("label" in place) ? index + 1 : index, items.length - 1);
}

/** The index of the row that Tab comes to: the one that had the focus, else the open chat, else the first. */
function stopIn(items: readonly ListItem[], tabStop: Position | null): number {
  const open = route.value.view === "chat" ? rowOf(route.value.chatId) : undefined;
  const now: ChatRow | undefined = (tabStop && rowOf(tabStop.chatId)) ?? undefined;
  const place = now ?? tabStop ?? open;
  const index = place === undefined ? 0 : seenAgain(items, { chatId: place.chatId, lastUpdated: place.lastUpdated });
  return isHeading(items[index] as ListItem) ? index + 1 : index;
}

/** The index of the row to which `key` goes from `index`; null when it goes nowhere. */
function walked(items: readonly ListItem[], index: number, key: string, page: number): number | null {
  const last = items.length - 1;
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
  const aim = key === "Home" ? 1 : key === "End" ? last : steps[key] === undefined ? null : index + steps[key];
  if (aim === null) return null;
  const next = Math.max(1, Math.min(last, aim));
  if (!isHeading(items[next] as ListItem)) return next;
  return aim > index ? next + 1 : next - 1;
}

function Skeleton() {
  return (
    <div class={styles.list} aria-busy="true">
      <span class="unseen">{t.value.loadingChats}</span>
      {SKELETONS.map((width) => (
        <div key={width} class={styles.skeleton} aria-hidden="true">
          <span style={{ width }} />
        </div>
      ))}
    </div>
  );
}

function NoChats() {
  return (
    <div class={`${styles.list} ${styles.said}`}>
      <p>{t.value.noChats}</p>
      <p>{t.value.noChatsTeaches}</p>
    </div>
  );
}

function Problem() {
  const error = problem.value;
  return (
    <div class={styles.said} role="alert">
      <p>{error === null || error instanceof Unreachable ? t.value.chatsUnreachable : error.detail}</p>
      <Button onClick={tryAgain}>{t.value.tryAgain}</Button>
    </div>
  );
}
