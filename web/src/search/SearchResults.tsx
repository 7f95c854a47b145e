/** The messages that were found; each is a link that jumps to it. */

import { useRef, useState } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { rowOf } from "../chats/list";
import { language, t } from "../i18n/i18n";
import { hashOf, route } from "../routes";
import styles from "./SearchResults.module.css";
import { found, isWaiting, keyOf, loadMore, type Result } from "./search";
import { piecesOf } from "./snippet";

const RESULT_PX = 112; // until it is measured
const AHEAD_PX = 1500;

export function SearchResults() {
  const handle = useRef<VirtualizerHandle>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const results = found.value?.results;
  if (results === undefined) return <div class={styles.results} />;
  if (results.length === 0) return <NothingFound />;
  const onScroll = (offset: number) => {
    const list = handle.current;
    if (list !== null && list.scrollSize - offset - list.viewportSize < AHEAD_PX) void loadMore();
  };
  const onFocusIn = (event: FocusEvent) => {
    const place = (event.target as HTMLElement).dataset.place;
    setFocused(place === undefined ? null : Number(place));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears the keys of its links
    <div class={styles.results} aria-busy={isWaiting.value} onKeyDown={walk} onFocusIn={onFocusIn}>
      <Virtualizer
        key={found.value?.query}
        ref={handle}
        as="ul"
        item="li"
        data={results}
        itemSize={RESULT_PX}
        keepMounted={focused === null ? [] : [focused]}
        onScroll={onScroll}
      >
        {(result: Result, place: number) => <ResultLink key={keyOf(result)} result={result} place={place} />}
      </Virtualizer>
    </div>
  );
}

function ResultLink({ result, place }: { result: Result; place: number }) {
  const { chat_id: chatId, message_id: messageId, role, snippet, timestamp } = result;
  const open = route.value;
  const isOpen = open.view === "chat" && open.chatId === chatId && open.messageId === messageId;
  // Why the list first: it hears of new titles.
  const title = rowOf(chatId)?.title || result.title || chatId;
  return (
    <a
      class={styles.result}
      href={hashOf({ view: "chat", chatId, messageId })}
      aria-current={isOpen ? "page" : undefined}
      data-place={place}
    >
      <span class={styles.title} title={title}>
        {title}
      </span>
      <span class={styles.snippet}>
        {piecesOf(snippet).map(({ text, isHit }, index) => (isHit ? <mark key={index}>{text}</mark> : text))}
      </span>
      <span class={styles.when}>
        {t.value.roleNames(role)}
        {timestamp !== null && ` · ${new Date(timestamp).toLocaleDateString(language.value, { dateStyle: "medium" })}`}
      </span>
    </a>
  );
}

function NothingFound() {
  return (
    <div class={`${styles.results} ${styles.nothing}`}>
      <p>{t.value.searchTeaches}</p>
      <dl>
        {t.value.searchSyntax.map(([example, meaning]) => (
          <div key={example}>
            <dt>
              <code>{example}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Arrow keys go from one result to the next. */
function walk(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a[data-place]")];
  const places = new Map(links.map((link) => [Number(link.dataset.place), link]));
  const now = Number((document.activeElement as HTMLElement | null)?.dataset.place ?? Number.NaN);
  const next = places.get(now + step);
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
