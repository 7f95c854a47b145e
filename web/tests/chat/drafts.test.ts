import { beforeEach, expect, it } from "vitest";
import { Draft, draftOf, forgetDrafts, NEW_CHAT } from "../../src/chat/drafts";
import { keepFor } from "../../src/session/kept";

beforeEach(() => {
  localStorage.clear();
  keepFor("alice");
  forgetDrafts();
});

it("what is typed is there again for the same chat, and for no other", () => {
  const draft = new Draft("one");
  const stop = draft.watch();
  draft.text.value = "half a thought";
  draft.images.value = ["data:image/png;base64,AA=="];
  stop();
  expect(new Draft("one").text.value).toBe("half a thought");
  expect(new Draft("one").images.value).toHaveLength(1);
  expect(new Draft("two").text.value).toBe("");
});

it("what was taken to be sent is taken once", () => {
  const draft = new Draft("one");
  draft.text.value = "  hello \n";
  expect(draft.take()).toEqual({ text: "hello", images: [] });
  expect(draft.take()).toBeNull();
});

it("a chat that gets its address takes its draft along", () => {
  const draft = new Draft(NEW_CHAT);
  draft.watch();
  draft.text.value = "typed";
  draft.moveTo("chosen");
  expect(draftOf("chosen")).toBe("typed");
  expect(draftOf(NEW_CHAT)).toBe("");
});

it("a question that comes back stands behind what was typed meanwhile", () => {
  const draft = new Draft("one");
  draft.text.value = "new";
  draft.put({ text: "old", images: [] });
  expect(draft.text.value).toBe("new\n\nold");
});
