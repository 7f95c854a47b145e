/** The messages of a conversation, and the reply that is being written. */

import type { Conversation } from "./conversation";
import { itemsOf, textOf } from "./items";

export function MessageList({ conversation }: { conversation: Conversation; messageId: string | null }) {
  const items = itemsOf(conversation.messages.value, conversation.live.value, conversation.pending.value);
  return (
    <div>
      {items.map((item) => (
        <p key={item.key}>{item.kind === "question" ? item.question.text : textOf(item)}</p>
      ))}
    </div>
  );
}
