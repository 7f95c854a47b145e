/** A server of chats in memory: lists them in pages as the real one does, and takes what is done to them. */

export interface ServedChat {
  chatId: string;
  title: string;
  lastUpdated: string;
}

export class ChatServer {
  chats: ServedChat[] = [];
  trash: ServedChat[] = [];
  /** Method and path with the query, in order. */
  requests: string[] = [];
  /** Awaited before an answer is given, when it was made already. */
  beforeAnswer: () => Promise<void> | void = () => undefined;
  refusal: { status: number; code: string; detail: string } | null = null;

  /** So many chats, the newest first, a minute apart. */
  fill(count: number): void {
    for (let number = 0; number < count; number += 1) this.put(`chat-${count - number}`, count - number);
  }

  put(chatId: string, minute: number, title = chatId): void {
    this.chats = this.chats.filter((chat) => chat.chatId !== chatId);
    this.chats.push({ chatId, title, lastUpdated: timeOf(minute) });
  }

  fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const body = request.method === "GET" ? null : await request.text();
    const answer = this.refusal === null ? this.#answer(request.method, url, body) : refused(this.refusal);
    await this.beforeAnswer();
    return answer;
  };

  #answer(method: string, url: URL, body: string | null): Response {
    const id = url.pathname.split("/").at(-1) ?? "";
    const chat = this.chats.find(({ chatId }) => chatId === id);
    if (method === "GET") return this.#page(Number(url.searchParams.get("limit")), url.searchParams.get("cursor"));
    if (method === "POST") return this.#restore(id);
    if (chat === undefined) return refused({ status: 404, code: "chat_not_found", detail: `There is no chat ${id}.` });
    if (method === "PATCH") chat.title = (JSON.parse(body ?? "") as { title: string }).title;
    else {
      this.chats = this.chats.filter((each) => each !== chat);
      this.trash.push(chat);
    }
    return Response.json({ success: true });
  }

  #restore(id: string): Response {
    this.chats.push(...this.trash.filter(({ chatId }) => chatId === id));
    return Response.json({ success: true });
  }

  #page(limit: number, cursor: string | null): Response {
    const place = ({ lastUpdated, chatId }: ServedChat) => `${lastUpdated}_${chatId}`;
    const all = this.chats.toSorted((one, other) => (place(one) > place(other) ? -1 : 1));
    const rest = cursor === null ? all : all.filter((chat) => place(chat) < cursor);
    const page = rest.slice(0, limit);
    const last = page.at(-1);
    return Response.json({
      chats: Object.fromEntries(page.map((chat) => [chat.chatId, rowOf(chat)])),
      next_cursor: rest.length > limit && last !== undefined ? place(last) : null,
      success: true,
    });
  }
}

export function timeOf(minute: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString().replace("Z", "000Z");
}

function rowOf({ title, lastUpdated }: ServedChat) {
  const unused = { created_at: lastUpdated, message_count: 2, provider: null, model: null, active_run: null };
  return { ...unused, last_updated: lastUpdated, title };
}

function refused({ status, code, detail }: { status: number; code: string; detail: string }): Response {
  return Response.json({ code, detail, success: false }, { status });
}
