import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { remove, rename, restore } from "../../src/chats/actions";
import { announce } from "../../src/chats/changes";
import { chats, forgetChats, hasMore, loadMore, problem, refresh, watchChats } from "../../src/chats/list";
import { until } from "../until";
import { ChatServer } from "./chat-server";

let server: ChatServer;
let end: () => void;

beforeEach(() => {
  server = new ChatServer();
  vi.stubGlobal("fetch", server.fetch);
  end = () => undefined;
});

afterEach(() => {
  end();
  forgetChats();
  vi.unstubAllGlobals();
});

const ids = () => (chats.value ?? []).map(({ chatId }) => chatId);

/** The list is as the server has it, as far as it was read. */
function isWhole(): void {
  const all = server.chats.toSorted((one, other) => (one.lastUpdated > other.lastUpdated ? -1 : 1));
  expect(ids()).toEqual(all.slice(0, ids().length).map(({ chatId }) => chatId));
}

test("the list is read a page at a time, to its end", async () => {
  server.fill(1300);

  await refresh();
  expect([ids().length, hasMore.value]).toEqual([100, true]);
  await loadMore();
  await loadMore();
  await loadMore();

  expect([ids().length, hasMore.value]).toEqual([1300, false]);
  expect(server.requests).toHaveLength(3);
  isWhole();
});

test("reading what is new keeps what was paged in, with one request", async () => {
  server.fill(1300);
  await refresh();
  await loadMore();
  server.put("chat-250", 2000);
  server.put("brand-new", 2001);

  await refresh();

  expect(ids().slice(0, 3)).toEqual(["brand-new", "chat-250", "chat-1300"]);
  expect(ids().filter((id) => id === "chat-250")).toHaveLength(1);
  expect(ids()).toHaveLength(1101);
  expect(server.requests).toHaveLength(3);
  isWhole();
});

test("more than a page that changed meanwhile leaves no gap", async () => {
  server.fill(500);
  await refresh();
  await loadMore();
  for (let number = 1; number <= 250; number += 1) server.put(`chat-${number}`, 1000 + number);

  await refresh();

  expect(ids()).toHaveLength(500);
  isWhole();
});

test("when very much changed meanwhile the list begins anew, and is read on from there", async () => {
  server.fill(200);
  await refresh();
  await loadMore();
  for (let number = 0; number < 4000; number += 1) server.put(`other-${number}`, 1000 + number);

  await refresh();
  isWhole();
  while (hasMore.value) await loadMore();

  expect(ids()).toHaveLength(4200);
  isWhole();
});

test("what is asked for once while it is read already is not asked for twice", async () => {
  server.fill(3000);
  await refresh();

  await Promise.all([loadMore(), loadMore(), loadMore()]);

  expect(ids()).toHaveLength(1100);
});

test("a deleted chat is gone at once, and stays so when an answer comes that was made before", async () => {
  server.fill(3);
  end = watchChats();
  await until(() => ids().length === 3);
  let answer: () => void = () => undefined;
  server.beforeAnswer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });

  const reading = refresh();
  await until(() => server.requests.length === 2);
  const old = answer;
  server.beforeAnswer = () => undefined;
  const removing = remove("chat-2");
  expect(ids()).toEqual(["chat-3", "chat-1"]);
  await removing;
  old();
  await reading;

  expect(ids()).toEqual(["chat-3", "chat-1"]);
});

test("a chat that could not be deleted comes back", async () => {
  server.fill(3);
  await refresh();
  server.refusal = { status: 500, code: "storage_failed", detail: "The disk is broken." };

  const removing = remove("chat-2");
  expect(ids()).toEqual(["chat-3", "chat-1"]);
  await expect(removing).rejects.toThrow("The disk is broken.");

  expect(ids()).toEqual(["chat-3", "chat-2", "chat-1"]);
});

test("a chat that is deleted and restored stands where it stood, far down too, without reading the list again", async () => {
  server.fill(1000);
  end = watchChats();
  await until(() => ids().length === 100);
  await loadMore();
  const before = ids();

  await remove("chat-300");
  expect(ids()).toHaveLength(999);
  await restore("chat-300");

  expect(ids()).toEqual(before);
  expect(server.requests.filter((request) => request.startsWith("GET"))).toHaveLength(2);
});

test("another title is shown at once, and the old one again when it was refused", async () => {
  server.fill(2);
  end = watchChats();
  await until(() => ids().length === 2);

  const renaming = rename("chat-1", "Moon");
  expect(chats.value?.[1]?.title).toBe("Moon");
  await renaming;
  expect(chats.value?.[1]?.title).toBe("Moon");

  server.refusal = { status: 422, code: "invalid_request", detail: "Too long." };
  const refused = rename("chat-1", "Sun");
  expect(chats.value?.[1]?.title).toBe("Sun");
  await expect(refused).rejects.toThrow("Too long.");
  expect(chats.value?.[1]?.title).toBe("Moon");
});

test("chats that another tab renames, deletes or imports are so here", async () => {
  server.fill(3);
  end = watchChats();
  await until(() => ids().length === 3);
  server.put("imported", 2);
  server.chats = server.chats.filter(({ chatId }) => chatId !== "chat-3");

  announce({ change: "saved", chatId: "chat-1", title: "Moon" });
  announce({ change: "deleted", chatId: "chat-3" });
  expect(chats.value?.map(({ title }) => title)).toEqual(["chat-2", "Moon"]);

  announce({ change: "imported" });
  await until(() => ids().includes("imported"));
});

test("a list that cannot be read says why, and a next page that cannot leaves what there is", async () => {
  server.fill(150);
  server.refusal = { status: 500, code: "storage_failed", detail: "The disk is broken." };
  end = watchChats();
  await until(() => problem.value !== null);
  expect(chats.value).toBeNull();

  server.refusal = null;
  await refresh();
  expect(problem.value).toBeNull();

  server.refusal = { status: 429, code: "rate_limited", detail: "Wait a little." };
  await loadMore();
  await loadMore();
  expect(problem.value?.message).toBe("Wait a little.");
  expect(ids()).toHaveLength(100);
  expect(server.requests.filter((request) => request.includes("cursor"))).toHaveLength(1);
});
