/** A message of the user that is put in other words, in its place. */

import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { edit } from "./actions";
import type { Conversation } from "./conversation";
import { GrowingText } from "./GrowingText";
import { AddImages, useImages } from "./ImageField";
import { isTouch, meaningOf } from "./keys";
import styles from "./QuestionEditor.module.css";
import { Thumbnails } from "./Thumbnails";
import type { Editing, ViewState } from "./view-state";

export interface QuestionEditorProps {
  editing: Editing;
  conversation: Conversation;
  view: ViewState;
}

export function QuestionEditor({ editing, conversation, view }: QuestionEditorProps) {
  const { messageId, question } = editing;
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.form?.scrollIntoView({ block: "nearest" });
    field.current?.setSelectionRange(question.text.length, question.text.length);
  }, []);
  const change = (part: Partial<Editing["question"]>) => {
    const now = view.editing.peek();
    if (now?.messageId === messageId) view.editing.value = { messageId, question: { ...now.question, ...part } };
  };
  const images = useImages(conversation.chatId, question.images, (urls) => change({ images: urls }));
  const close = () => {
    view.editing.value = null;
  };
  const isEmpty = question.text.trim() === "" && question.images.length === 0;
  const send = () => {
    if (isEmpty || !images.isAllowed(question)) return;
    if (edit(conversation, messageId, { ...question, text: question.text.trim() })) close();
  };
  return (
    <form
      class={styles.editor}
      {...images.listeners}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Thumbnails urls={question.images} onRemove={images.remove} />
      <GrowingText
        field={field}
        label={t.value.editMessage}
        value={question.text}
        onInput={(text) => change({ text })}
        onKeyDown={(event) => {
          const meaning = meaningOf(event, isTouch());
          if (meaning === "cancel") close();
          if (meaning !== "send") return;
          event.preventDefault();
          send();
        }}
      />
      <div class={styles.buttons}>
        <AddImages images={images} />
        <span class={styles.space} />
        <Button onClick={close}>{t.value.cancel}</Button>
        <Button type="submit" look="main" disabled={isEmpty || conversation.isBusy.value}>
          {t.value.saveAndSend}
        </Button>
      </div>
    </form>
  );
}
