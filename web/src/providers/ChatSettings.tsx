/** How the model is asked in a chat: a button, and the dialog that it opens. Who is asked: ModelPicker.tsx. */

import { SlidersHorizontal } from "lucide-preact";
import { useState } from "preact/hooks";
import type { Conversation } from "../chat/conversation";
import { t } from "../i18n/i18n";
import { IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { lazy } from "../ui/Lazy";
import type { PromptEdit } from "./SystemPromptField";

const SettingsFields = lazy(() => import("./SettingsFields").then((module) => module.SettingsFields));

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
          <SettingsFields conversation={conversation} edit={edit} onEdit={setEdit} />
        </Dialog>
      )}
    </>
  );
}
