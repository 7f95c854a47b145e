/** A message of the user: as it was typed. */

import { GitFork, Pencil, RefreshCw } from "lucide-preact";
import { t } from "../i18n/i18n";
import { attempt } from "../ui/toasts";
import { forkFrom, regenerate, takeBack } from "./actions";
import { Branches } from "./Branches";
import { Checks } from "./Checks";
import type { Conversation } from "./conversation";
import { EntryState } from "./EntryState";
import type { QuestionItem } from "./items";
import styles from "./Message.module.css";
import { Action, ActionRow, CopyAction } from "./MessageActions";
import { QuestionEditor } from "./QuestionEditor";
import { Thumbnails } from "./Thumbnails";
import type { ViewState } from "./view-state";

export interface QuestionViewProps {
  item: QuestionItem;
  conversation: Conversation;
  view: ViewState;
  isLast: boolean;
}

export function QuestionView({ item, conversation, view, isLast }: QuestionViewProps) {
  const { question, message, entry } = item;
  const messageId = message?.id ?? null;
  const editing = view.editing.value;
  if (editing !== null && editing.messageId === messageId) {
    return <QuestionEditor key={messageId} editing={editing} conversation={conversation} view={view} />;
  }
  return (
    <>
      <h2 class="unseen">{t.value.you}</h2>
      <div class={styles.question}>
        <Thumbnails urls={question.images} />
        {question.text !== "" && <Typed text={question.text} name={`${item.key}:text`} view={view} />}
      </div>
      <Checks checks={message?.checks ?? []} />
      {entry !== null && (
        <EntryState
          entry={entry}
          onRevise={() => {
            takeBack(entry);
            view.draft.put(questionOfEntry(entry) ?? question);
          }}
        />
      )}
      <ActionRow isShown={isLast}>
        {message?.branch && <Branches branch={message.branch} conversation={conversation} />}
        <CopyAction label={t.value.copyQuestion} textOf={() => question.text} />
        {messageId !== null && <QuestionActions {...{ item, conversation, view, isLast, messageId }} />}
      </ActionRow>
    </>
  );
}

/** What was typed; the beginning of it when it is very long, as pasted files are. */
function Typed({ text, name, view }: { text: string; name: string; view: ViewState }) {
  const beginning = beginningOf(text);
  if (beginning === text) return <p class={styles.typed}>{text}</p>;
  const isOpen = view.folds.value.get(name) ?? false;
  return (
    <>
      <p class={styles.typed}>{isOpen ? text : `${beginning} …`}</p>
      <button type="button" class={styles.more} aria-expanded={isOpen} onClick={() => view.fold(name, !isOpen)}>
        {isOpen ? t.value.showLess : t.value.showAll}
      </button>
    </>
  );
}

const MOST_LINES = 40;
const MOST_CHARACTERS = 4000;

function beginningOf(text: string): string {
  return text.split("\n", MOST_LINES).join("\n").slice(0, MOST_CHARACTERS);
}

function QuestionActions({ item, conversation, view, isLast, messageId }: QuestionViewProps & { messageId: string }) {
  const isBusy = conversation.isBusy.value;
  return (
    <>
      <Action
        icon={Pencil}
        label={t.value.edit}
        isDisabled={isBusy}
        run={() => {
          view.editing.value = { messageId, question: item.question };
        }}
      />
      {isLast && (
        <Action
          icon={RefreshCw}
          label={t.value.regenerate}
          isDisabled={isBusy}
          run={() => regenerate(conversation, messageId)}
        />
      )}
      <Action icon={GitFork} label={t.value.fork} run={() => void attempt(forkFrom(conversation.chatId, messageId))} />
    </>
  );
}

/** What was asked in other words and refused; null for an entry that asks nothing. */
function questionOfEntry(entry: NonNullable<QuestionItem["entry"]>) {
  if (entry.kind !== "edit" && entry.kind !== "send") return null;
  return { text: entry.body.message ?? "", images: entry.body.images ?? [] };
}
