/** The field in which one searches all messages, what is wrong with the query, and how much was found. */

import { Search, X } from "lucide-preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Unreachable } from "../api/client";
import { t } from "../i18n/i18n";
import { Button, IconButton } from "../ui/Button";
import styles from "./SearchField.module.css";
import { clear, found, isWaiting, problem, query, searchNow, setField, tryAgain, type } from "./search";

export function SearchField({ onDown }: { onDown: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const problemId = useId();
  useEffect(() => {
    setField(input.current);
    return () => setField(null);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && query.value !== "") clear();
    else if (event.key === "Enter") searchNow();
    else if (event.key === "ArrowDown") onDown();
    else return;
    event.preventDefault();
  };
  return (
    <search class={styles.search}>
      <div class={styles.field}>
        <Search size={16} aria-hidden="true" />
        <input
          ref={input}
          type="text"
          inputMode="search"
          enterkeyhint="search"
          autocomplete="off"
          spellcheck={false}
          maxLength={1000}
          aria-label={t.value.searchMessages}
          aria-invalid={problem.value !== null}
          aria-describedby={problemId}
          placeholder={t.value.searchMessages}
          value={query.value}
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {query.value !== "" && (
          <IconButton
            isSmall
            icon={X}
            label={t.value.clearSearch}
            onClick={() => {
              clear();
              input.current?.focus();
            }}
          />
        )}
      </div>
      <div id={problemId} role="status" class={styles.said}>
        <Said />
      </div>
    </search>
  );
}

function Said() {
  const error = problem.value;
  if (error !== null) {
    const isAskedAgain = error instanceof Unreachable || error.status !== 422;
    return (
      <>
        <span class={styles.problem}>{error instanceof Unreachable ? t.value.searchUnreachable : error.detail}</span>
        {isAskedAgain && <Button onClick={tryAgain}>{t.value.tryAgain}</Button>}
      </>
    );
  }
  if (found.value === null) return isWaiting.value ? t.value.searching : null;
  const { total, isIncomplete } = found.value;
  return isIncomplete ? t.value.foundMoreThan(total) : t.value.foundCount(total);
}
