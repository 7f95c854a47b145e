/** What may be asked of a chat, and how the server is asked. Asking until it answers: outbox.ts. */

import { answerOf, api, fetchFor, type Schemas, Unreachable } from "../api/client";

/** In the terms of the route that takes it. Every one is a run that goes on by itself. */
export type Asked =
  | { kind: "send"; body: Schemas["SendBody"] }
  | { kind: "edit"; body: Schemas["EditBody"] }
  | { kind: "regenerate"; body: Schemas["RegenerateBody"] }
  | { kind: "continue"; body: Schemas["ContinueBody"] };

/** Ask once. The answer to one key is always the same run, also when that has failed. Raises: Refused, Unreachable. */
export async function post(chatId: string, asked: Asked, key: string): Promise<Schemas["BackgroundAnswer"]> {
  const answer = (await answerOf(call(chatId, asked, key))) as Schemas["BackgroundAnswer"] | undefined; // with `background`
  if (typeof answer?.run_id !== "string") throw new Unreachable("Somebody else answered in place of the server.");
  return answer;
}

function call(chatId: string, asked: Asked, key: string) {
  const background = true as const;
  const header = { "Idempotency-Key": key };
  const params = { path: { chat_id: chatId }, header };
  const fetch = fetchFor(JSON.stringify(asked.body).length);
  switch (asked.kind) {
    case "send":
      return api.POST("/chat", { params: { header }, body: { ...asked.body, chat_id: chatId, background }, fetch });
    case "edit":
      return api.POST("/chat/edit/{chat_id}", { params, body: { ...asked.body, background }, fetch });
    case "regenerate":
      return api.POST("/chat/regenerate/{chat_id}", { params, body: { ...asked.body, background }, fetch });
    case "continue":
      return api.POST("/chat/continue/{chat_id}", { params, body: { ...asked.body, background }, fetch });
  }
}
