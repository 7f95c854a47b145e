import { signal } from "@preact/signals";
import { afterEach, expect, test, vi } from "vitest";
import { Refused } from "../../src/api/client";
import { saveSystemPrompt } from "../../src/providers/system-prompt";

/** A chat on a server that has `there` of it, and what it was asked to save. */
function chatOf(there: { revision: number; systemPrompt: string }) {
  const chat = {
    chatId: "one",
    revision: signal(1),
    systemPrompt: signal("Old."),
    load: async () => {
      chat.revision.value = there.revision;
      chat.systemPrompt.value = there.systemPrompt;
    },
  };
  const asked: { system_prompt: string; revision: number }[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const body = await request.json();
    asked.push(body);
    if (body.revision !== there.revision) {
      return Response.json({ code: "revision_conflict", detail: "Another one." }, { status: 409 });
    }
    there.systemPrompt = body.system_prompt;
    there.revision += 1;
    return Response.json({ chat_id: "one", title: "", revision: there.revision, message_count: 2, success: true });
  });
  return { chat, asked };
}

afterEach(() => vi.unstubAllGlobals());

test("a prompt is saved with the revision that was seen", async () => {
  const { chat, asked } = chatOf({ revision: 1, systemPrompt: "Old." });
  expect(await saveSystemPrompt(chat, "New.", "Old.")).toBe("saved");
  expect(asked).toEqual([{ system_prompt: "New.", revision: 1 }]);
  expect(chat.systemPrompt.value).toBe("New.");
});

test("a chat that only got more messages meanwhile takes it all the same", async () => {
  const { chat, asked } = chatOf({ revision: 4, systemPrompt: "Old." });
  expect(await saveSystemPrompt(chat, "New.", "Old.")).toBe("saved");
  expect(asked.map(({ revision }) => revision)).toEqual([1, 4]);
});

test("what another tab has written meanwhile is not replaced", async () => {
  const { chat, asked } = chatOf({ revision: 2, systemPrompt: "Theirs." });
  expect(await saveSystemPrompt(chat, "New.", "Old.")).toBe("changed");
  expect(asked).toHaveLength(1);
  expect(chat.systemPrompt.value).toBe("Theirs.");
});

test("any other refusal is told", async () => {
  const { chat } = chatOf({ revision: 1, systemPrompt: "Old." });
  vi.stubGlobal("fetch", async () => Response.json({ code: "content_denied", detail: "No." }, { status: 422 }));
  await expect(saveSystemPrompt(chat, "New.", "Old.")).rejects.toBeInstanceOf(Refused);
});
