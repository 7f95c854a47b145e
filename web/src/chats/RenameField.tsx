/** Changes a chat's title in its place: Enter and leaving it save, Escape does not. */

import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { attempt } from "../ui/toasts";
import { MOST_TITLE, rename } from "./actions";
import styles from "./RenameField.module.css";

export interface RenameFieldProps {
  chatId: string;
  title: string;
  /** `isByKey`: the focus should go back to where it came from. */
  onEnd: (isByKey: boolean) => void;
}

export function RenameField({ chatId, title, onEnd }: RenameFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const isOver = useRef(false);
  useEffect(() => {
    input.current?.focus();
    input.current?.select();
  }, []);
  const end = (saves: boolean, isByKey: boolean) => {
    if (isOver.current) return; // the field also loses the focus as it goes
    isOver.current = true;
    const wanted = input.current?.value.trim() ?? "";
    if (saves && wanted !== "" && wanted !== title) void attempt(rename(chatId, wanted));
    onEnd(isByKey);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") end(true, true);
    else if (event.key === "Escape") end(false, true);
    else return;
    event.preventDefault();
  };
  return (
    <input
      ref={input}
      class={styles.field}
      aria-label={t.value.titleOfChat}
      maxLength={MOST_TITLE}
      autocomplete="off"
      defaultValue={title}
      onKeyDown={onKeyDown}
      onBlur={() => end(true, false)}
    />
  );
}
