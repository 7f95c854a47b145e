/** What can be done with a chat, in its row and in its header. */

import { Braces, Ellipsis, FileDown, FileText, PencilLine, Trash2 } from "lucide-preact";
import { t } from "../i18n/i18n";
import { Menu } from "../ui/Menu";
import { type ExportFormat, exportUrl, removeWithUndo } from "./actions";

export interface ChatMenuProps {
  chatId: string;
  title: string;
  /** Have the title changed in its place, with RenameField. */
  onRename: () => void;
  /** Instead of deleting it just so. */
  onDelete?: () => void;
  tabIndex?: number;
}

export function ChatMenu({ chatId, title, onRename, onDelete, tabIndex = 0 }: ChatMenuProps) {
  const remove = onDelete ?? (() => void removeWithUndo(chatId, title));
  const exported = (format: ExportFormat) => ({ href: exportUrl(chatId, format), download: `${chatId}.${format}` });
  return (
    <Menu
      icon={Ellipsis}
      label={t.value.menuOf(title || chatId)}
      tabIndex={tabIndex}
      entries={[
        { label: t.value.rename, icon: PencilLine, run: onRename },
        { label: t.value.exportMarkdown, icon: FileDown, link: exported("md") },
        { label: t.value.exportText, icon: FileText, link: exported("txt") },
        { label: t.value.exportJson, icon: Braces, link: exported("json") },
        { label: t.value.delete, icon: Trash2, isDanger: true, run: remove },
      ]}
    />
  );
}
