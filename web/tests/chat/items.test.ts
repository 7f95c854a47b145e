import { describe, expect, it } from "vitest";
import type { StoredMessage } from "../../src/chat/conversation";
import { type Item, ItemKeys, itemsOf, type ReplyItem, segmentsOf, textOf } from "../../src/chat/items";
import type { LiveReply } from "../../src/chat/live-reply";
import type { Entry } from "../../src/chat/outbox";
import { entry, imported, liveReply, question, reply, toolResult } from "./samples";

function shown(messages: readonly StoredMessage[], live: LiveReply | null = null, asked: readonly Entry[] = []) {
  return itemsOf(messages, live, asked, new ItemKeys());
}

function outline(items: readonly Item[]): string[] {
  return items.map((item) =>
    item.kind === "question"
      ? `? ${item.question.text}`
      : `! ${item.parts.map((part) => part.id).join("+")}${item.live ? "*" : ""}${item.entry ? "…" : ""}`,
  );
}

function onlyReply(messages: readonly StoredMessage[], live: LiveReply | null = null): ReplyItem {
  const found = shown(messages, live).find((item) => item.kind === "reply");
  if (found?.kind !== "reply") throw new Error("there is no reply");
  return found;
}

describe("the keys of what is shown", () => {
  it("stay the same from the outbox to the disk", () => {
    const keys = new ItemKeys();
    const body = { message: "hello" };
    const ask = { text: "hello", images: [] };
    const waiting = itemsOf([], null, [entry("send", body, { key: "e1" })], keys);
    const accepted = entry("send", body, { key: "e1", state: "accepted", runId: "r1" });
    const queued = itemsOf([], null, [accepted], keys);
    const live = itemsOf([], liveReply("r1", ask), [accepted], keys);
    const settled = itemsOf([], liveReply("r1", ask), [], keys);
    const stored = itemsOf([question("m1", "hello"), reply("m2", { run_id: "r1" })], null, [], keys);

    for (const items of [waiting, queued, live, settled, stored]) expect(items[0]?.key).toBe("question:e1");
    for (const items of [live, settled, stored]) expect(items[1]?.key).toBe("reply:e1");
  });

  it("stay the same for a question whose reply is made anew", () => {
    const keys = new ItemKeys();
    itemsOf([], liveReply("r1", { text: "hello", images: [] }), [], keys);
    const first = itemsOf([question("m1"), reply("m2", { run_id: "r1" })], null, [], keys);
    const second = itemsOf([question("m1"), reply("m3", { run_id: "r2" })], null, [], keys);
    expect(second[0]?.key).toBe(first[0]?.key);
    expect(second[1]?.key).not.toBe(first[1]?.key);
  });

  it("are all different", () => {
    const items = shown(
      [question("m1"), reply("m2"), question("m3"), imported("m4")],
      liveReply("r9", { text: "next", images: [] }),
      [entry("send", { message: "later" }, { key: "e2", state: "accepted", runId: "r10" })],
    );
    expect(new Set(items.map((item) => item.key)).size).toBe(items.length);
  });
});

describe("the order of what is shown", () => {
  const path = [question("q1"), reply("a1"), question("q2"), reply("a2")];

  it("is the history, the reply that is written, then what waits", () => {
    const live = liveReply("r3", { text: "third", images: [] });
    const waiting = entry("send", { message: "fourth" });
    expect(outline(shown(path, live, [waiting]))).toEqual([
      "? question q1",
      "! a1",
      "? question q2",
      "! a2",
      "? third",
      "! *",
      "? fourth",
    ]);
  });

  it("has a reply once when the history was quicker than its end", () => {
    expect(outline(shown(path, liveReply("run-a2", null)))).toHaveLength(4);
  });

  it("passes over the system prompt and what chatkeep asked to go on", () => {
    const asks: StoredMessage = { role: "user", content: "Go on.", id: "m", continues: "a1" };
    const system: StoredMessage = { role: "system", content: "Be brief." };
    const messages = [system, question("q1"), reply("a1"), asks];
    expect(outline(shown([...messages, reply("a3", { continues: "a1" })]))).toEqual(["? question q1", "! a1+a3"]);
  });

  it("drops what follows a reply that is asked for anew, until the history has the new path", () => {
    const again = entry("regenerate", { message_id: "a1" });
    expect(outline(shown(path, null, [again]))).toEqual(["? question q1", "! …"]);
    const accepted = entry("regenerate", { message_id: "a1" }, { state: "accepted", runId: "r5" });
    expect(outline(shown(path, liveReply("r5", null), [accepted]))).toEqual(["? question q1", "! *"]);
    expect(outline(shown([question("q1")], liveReply("r5", null), []))).toEqual(["? question q1", "! *"]);
  });

  it("keeps a question that is to be answered anew", () => {
    const again = entry("regenerate", { message_id: "q2" });
    expect(outline(shown(path, null, [again]))).toEqual(["? question q1", "! a1", "? question q2", "! …"]);
  });

  it("puts an edited question in the place of the old one", () => {
    const edited = entry("edit", { message_id: "q2", message: "in other words" });
    expect(outline(shown(path, null, [edited]))).toEqual(["? question q1", "! a1", "? in other words"]);
  });

  it("changes nothing but a note for what was refused", () => {
    const refused = entry("regenerate", { message_id: "a2" }, { state: "refused" });
    expect(outline(shown(path, null, [refused]))).toEqual(["? question q1", "! a1", "? question q2", "! a2…"]);
  });

  it("writes a continuation into the reply that it goes on with", () => {
    expect(outline(shown(path, liveReply("r6", null, "a2")))).toEqual([
      "? question q1",
      "! a1",
      "? question q2",
      "! a2*",
    ]);
  });
});

describe("a reply", () => {
  const call = { id: "c1", name: "weather", arguments: "{}" };

  it("is one text with its continuations", () => {
    const parts = [reply("a1", { content: "One wo" }), reply("a2", { content: "rd.", continues: "a1" })];
    expect(segmentsOf(onlyReply(parts)).map(({ text }) => text)).toEqual(["One word."]);
  });

  it("has the results of its calls, and what was said after them", () => {
    const item = onlyReply([reply("a1", { tool_calls: [call] }), toolResult("t1", "12 °C", "c1"), reply("a2")]);
    expect(segmentsOf(item).map(({ text, calls }) => [text, calls.map(({ result }) => result)])).toEqual([
      ["reply a1", ["12 °C"]],
      ["reply a2", []],
    ]);
    expect(textOf(item)).toBe("reply a1\n\nreply a2");
  });

  it("shows a result that belongs to no call", () => {
    const item = onlyReply([toolResult("t1", "alone")]);
    expect(segmentsOf(item)[0]?.calls[0]?.result).toBe("alone");
  });

  it("keeps the key of its text when it is stored", () => {
    const keys = new ItemKeys();
    const live = itemsOf([], liveReply("r1", null), [], keys)[0];
    const stored = itemsOf([reply("a1", { run_id: "r1" })], null, [], keys)[0];
    expect(segmentsOf(live as ReplyItem)[0]?.key).toBe(segmentsOf(stored as ReplyItem)[0]?.key);
  });
});
