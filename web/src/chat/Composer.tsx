/** Where a message is typed and sent. */

import { ArrowUp, Square } from "lucide-preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { ModelPicker } from "../providers/ModelPicker";
import { isWide } from "../shell/sidebar";
import { attempt } from "../ui/toasts";
import { send } from "./actions";
import styles from "./Composer.module.css";
import type { Conversation } from "./conversation";
import { GrowingText } from "./GrowingText";
import { AddImages, useImages } from "./ImageField";
import { isTouch, meaningOf } from "./keys";
import { Thumbnails } from "./Thumbnails";
import type { ViewState } from "./view-state";

export function Composer({ conversation, view }: { conversation: Conversation; view: ViewState }) {
  const { draft, composer: field } = view;
  const images = useImages(conversation.chatId, draft.images.value, (urls) => {
    draft.images.value = urls;
  });
  useEffect(() => {
    if (!isTouch()) field.current?.focus({ preventScroll: true }); // where it opens a keyboard it hides the chat
    return draft.watch();
  }, [draft]);
  const submit = () => {
    if (!images.isAllowed({ text: draft.text.peek(), images: draft.images.peek() })) return;
    const question = draft.take();
    if (question !== null) send(conversation, question);
  };
  const isEmpty = draft.text.value.trim() === "" && draft.images.value.length === 0;
  const live = conversation.live.value;
  return (
    <form
      class={styles.composer}
      {...images.listeners}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class={`${styles.box} ${images.isDragged ? styles.dragged : ""}`}>
        {images.isDragged && <p class={styles.drop}>{t.value.dropImages}</p>}
        <Thumbnails urls={draft.images.value} onRemove={images.remove} />
        <GrowingText
          field={field}
          label={t.value.message}
          placeholder={t.value.askAnything}
          value={draft.text.value}
          onInput={(text) => {
            draft.text.value = text;
          }}
          onKeyDown={(event) => {
            if (meaningOf(event, isTouch()) !== "send") return;
            event.preventDefault();
            submit();
          }}
        />
        <div class={styles.buttons}>
          <AddImages images={images} />
          <div class={styles.space}>{!isWide.value && <ModelPicker chatId={conversation.chatId} />}</div>
          {live !== null && live.state.value !== "ended" && (
            <button
              type="button"
              class={styles.stop}
              disabled={live.state.value === "stopping"}
              aria-label={t.value.stop}
              title={t.value.stop}
              onClick={() => void attempt(conversation.stop())}
            >
              <Square size={14} fill="currentColor" aria-hidden="true" />
            </button>
          )}
          <button type="submit" class={styles.send} disabled={isEmpty} aria-label={t.value.send} title={t.value.send}>
            <ArrowUp size={20} aria-hidden="true" />
          </button>
        </div>
      </div>
    </form>
  );
}
