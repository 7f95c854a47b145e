import { afterEach, beforeEach, expect, test } from "vitest";
import { send, takeBack } from "../../src/chat/actions";
import { Conversation } from "../../src/chat/conversation";
import { closeOutbox, type Entry, openOutbox, outbox } from "../../src/chat/outbox";
import { forgetOptions, newSystemPrompt } from "../../src/providers/options";
import { keepFor } from "../../src/session/kept";
import { session, type Who } from "../../src/session/session";
import { FakeServer } from "../server";
import { until } from "../until";

let server: FakeServer;

beforeEach(async () => {
  server = new FakeServer();
  keepFor("alice");
  forgetOptions();
  session.value = { state: "open", who: { name: "alice", owner: "alice" } as Who };
  await openOutbox();
});

afterEach(() => {
  closeOutbox();
  localStorage.clear();
});

test("a first message that is taken back leaves its system prompt for the next one", async () => {
  const conversation = new Conversation("c", true);
  newSystemPrompt().value = "Answer in verse.";
  send(conversation, { text: "Hello", images: [] });
  expect(newSystemPrompt().value).toBe("");
  (await server.call("POST /chat")).refuse(422, "context_too_long");
  await until(() => outbox.value[0]?.state === "refused");
  takeBack(outbox.value[0] as Entry);
  conversation.close();

  expect(newSystemPrompt().value).toBe("Answer in verse.");
  expect(outbox.value).toEqual([]);
});
