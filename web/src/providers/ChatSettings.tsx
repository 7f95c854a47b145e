/** How the model is asked in a chat: a button, and the dialog that it opens. Who is asked: ModelPicker.tsx. */

import { SlidersHorizontal } from "lucide-preact";
import { useState } from "preact/hooks";
import type { Conversation } from "../chat/conversation";
import { t } from "../i18n/i18n";
import { IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import styles from "./ChatSettings.module.css";
import { MaxTokensField } from "./MaxTokensField";
import { optionsOf } from "./options";
import { NewPromptField, type PromptEdit, StoredPromptField, WaitingPromptField } from "./SystemPromptField";
import { TemperatureField } from "./TemperatureField";

export function ChatSettings({ conversation }: { conversation: Conversation }) {
  const [isOpen, setOpen] = useState(false);
  // Kept while the chat is open: a dialog that is closed by mistake loses nothing.
  const [edit, setEdit] = useState<PromptEdit | null>(null);
  return (
    <>
      <IconButton
        icon={SlidersHorizontal}
        label={t.value.chatSettings}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      />
      {isOpen && (
        <Dialog title={t.value.chatSettings} onClose={() => setOpen(false)}>
          <Fields conversation={conversation} edit={edit} onEdit={setEdit} />
        </Dialog>
      )}
    </>
  );
}

interface FieldsProps {
  conversation: Conversation;
  edit: PromptEdit | null;
  onEdit: (edit: PromptEdit | null) => void;
}

function Fields({ conversation, edit, onEdit }: FieldsProps) {
  const options = optionsOf(conversation.chatId);
  const { temperature, maxTokens } = options.value;
  return (
    <div class={styles.fields}>
      <TemperatureField
        value={temperature}
        onChange={(temperature) => {
          options.value = { ...options.value, temperature };
        }}
      />
      <MaxTokensField
        value={maxTokens}
        onChange={(maxTokens) => {
          options.value = { ...options.value, maxTokens };
        }}
      />
      <PromptField conversation={conversation} edit={edit} onEdit={onEdit} />
    </div>
  );
}

function PromptField({ conversation, edit, onEdit }: FieldsProps) {
  if (conversation.state.value === "ready") {
    return <StoredPromptField conversation={conversation} edit={edit} onEdit={onEdit} />;
  }
  const isNew = conversation.state.value === "new";
  const isAsked = conversation.live.value !== null || conversation.pending.value.length > 0;
  return isNew && !isAsked ? <NewPromptField /> : <WaitingPromptField />;
}
