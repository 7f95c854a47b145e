/** What can be set for a chat: how warm and how long its replies are, and what the model is told before all. */

import type { Conversation } from "../chat/conversation";
import { MaxTokensField } from "./MaxTokensField";
import { optionsOf } from "./options";
import styles from "./SettingsFields.module.css";
import { NewPromptField, type PromptEdit, StoredPromptField, WaitingPromptField } from "./SystemPromptField";
import { TemperatureField } from "./TemperatureField";

export interface SettingsFieldsProps {
  conversation: Conversation;
  edit: PromptEdit | null;
  onEdit: (edit: PromptEdit | null) => void;
}

export function SettingsFields({ conversation, edit, onEdit }: SettingsFieldsProps) {
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

function PromptField({ conversation, edit, onEdit }: SettingsFieldsProps) {
  if (conversation.state.value === "ready") {
    return <StoredPromptField conversation={conversation} edit={edit} onEdit={onEdit} />;
  }
  const isNew = conversation.state.value === "new";
  const isAsked = conversation.live.value !== null || conversation.pending.value.length > 0;
  return isNew && !isAsked ? <NewPromptField /> : <WaitingPromptField />;
}
