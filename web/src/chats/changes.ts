/** News between the tabs of one browser: a chat was changed or deleted. */

export interface ChatChange {
  chatId: string;
  change: "saved" | "deleted";
}

const channel = new BroadcastChannel("chatkeep");
const listeners = new Set<(change: ChatChange) => void>();

channel.onmessage = ({ data }: MessageEvent<ChatChange>) => tell(data);

/** Tell this tab and the others. */
export function announce(change: ChatChange): void {
  tell(change);
  channel.postMessage(change);
}

/** Be told. Returns what ends it. */
export function onChange(listener: (change: ChatChange) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change: ChatChange): void {
  for (const listener of listeners) listener(change);
}
