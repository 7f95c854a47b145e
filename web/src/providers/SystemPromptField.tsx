/** The system prompt of a chat: of one that is not begun, of one that is, and of one whose first reply is being written. */

import { useId, useState } from "preact/hooks";
import { Refused, Unreachable } from "../api/client";
import type { Conversation } from "../chat/conversation";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { newSystemPrompt } from "./options";
import styles from "./SettingsFields.module.css";
import { saveSystemPrompt } from "./system-prompt";

/** What is typed in place of `seen`. */
export interface PromptEdit {
  text: string;
  seen: string;
}

export function NewPromptField() {
  const prompt = newSystemPrompt();
  const onInput = (text: string) => {
    prompt.value = text;
  };
  return <PromptText text={prompt.value} hint={t.value.systemPromptHint} onInput={onInput} />;
}

export function WaitingPromptField() {
  return (
    <div class={styles.field}>
      <p class={styles.label}>{t.value.systemPrompt}</p>
      <p class={styles.hint}>{t.value.systemPromptWaits}</p>
    </div>
  );
}

export interface StoredPromptFieldProps {
  conversation: Conversation;
  /** Null: nothing is typed. */
  edit: PromptEdit | null;
  onEdit: (edit: PromptEdit | null) => void;
}

export function StoredPromptField({ conversation, edit, onEdit }: StoredPromptFieldProps) {
  const [isSaving, setSaving] = useState(false);
  /** What came of saving. Said here: a toast would be behind the dialog. */
  const [news, setNews] = useState("");
  const stored = conversation.systemPrompt.value;
  const isChangedElsewhere = edit !== null && edit.seen !== stored;
  const onInput = (text: string) => {
    setNews("");
    const seen = edit?.seen ?? stored;
    onEdit(text === seen && seen === stored ? null : { text, seen });
  };
  const save = async () => {
    if (edit === null || isSaving) return;
    setSaving(true);
    try {
      // Who saves again after having been told of the other one means it.
      const outcome = await saveSystemPrompt(conversation, edit.text, stored);
      if (outcome === "changed") return;
      onEdit(null);
      setNews(t.value.systemPromptSaved);
    } catch (error) {
      setNews(failureText(error));
    } finally {
      setSaving(false);
    }
  };
  return (
    <form
      class={styles.field}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <PromptText text={edit?.text ?? stored} hint={t.value.systemPromptOfChat} onInput={onInput} />
      <div role="status">
        {news}
        {isChangedElsewhere && (
          <div class={styles.warning}>
            <p>{t.value.systemPromptChanged}</p>
            <blockquote class={styles.other}>{stored || "–"}</blockquote>
          </div>
        )}
      </div>
      <div class={styles.actions}>
        {isChangedElsewhere && <Button onClick={() => onEdit(null)}>{t.value.discard}</Button>}
        <Button type="submit" look="main" disabled={edit === null || isSaving}>
          {t.value.save}
        </Button>
      </div>
    </form>
  );
}

/** Raises: what is no failure of a request. */
function failureText(error: unknown): string {
  if (error instanceof Refused) return error.detail;
  if (error instanceof Unreachable) return t.value.notSaved;
  throw error;
}

function PromptText({ text, hint, onInput }: { text: string; hint: string; onInput: (text: string) => void }) {
  const id = useId();
  return (
    <div class={styles.field}>
      <label class={styles.label} for={id}>
        {t.value.systemPrompt}
      </label>
      <textarea
        id={id}
        class={styles.prompt}
        rows={6}
        aria-describedby={`${id}-hint`}
        value={text}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p id={`${id}-hint`} class={styles.hint}>
        {hint}
      </p>
    </div>
  );
}
