import { beforeEach, describe, expect, test } from "vitest";
import "./node-names";
import { ReplyView } from "../../src/text/view";
import { DOCUMENTS } from "./documents";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.replaceChildren(root);
});

function whole(source: string): string {
  const element = document.createElement("div");
  new ReplyView(element).update(source, false);
  return element.innerHTML;
}

describe.each(Object.entries(DOCUMENTS))("%s", { timeout: 60_000 }, (_name, source) => {
  test("streamed letter by letter ends in the same HTML as the whole at once", () => {
    const view = new ReplyView(root);
    for (let end = 1; end <= source.length; end++) view.update(source.slice(0, end), true);
    view.update(source, false);
    expect(root.innerHTML).toBe(whole(source));
  });

  test("cut anywhere is the HTML of what there is by then, when no more comes", () => {
    const view = new ReplyView(root);
    for (let end = 1; end <= source.length; end += 5) {
      const begun = source.slice(0, end);
      view.update(begun, true);
      view.update(begun, false);
      expect(root.innerHTML, JSON.stringify(begun)).toBe(whole(begun));
    }
  });

  test("in two pieces, cut anywhere, ends in the same HTML", () => {
    const expected = whole(source);
    for (let end = 0; end <= source.length; end += 7) {
      const view = new ReplyView(root);
      root.replaceChildren();
      view.update(source.slice(0, end), true);
      view.update(source, true);
      view.update(source, false);
      expect(root.innerHTML, JSON.stringify(source.slice(0, end))).toBe(expected);
    }
  });
});

test("All documents one after another, streamed, end in the same HTML as the whole at once", {
  timeout: 60_000,
}, () => {
  const source = Object.values(DOCUMENTS).join("\n\n");
  const view = new ReplyView(root);
  for (let end = 1; end < source.length; end += 11) view.update(source.slice(0, end), true);
  view.update(source, false);
  expect(root.innerHTML).toBe(whole(source));
});

test("A block that does not change keeps its node while more is written", () => {
  const source = `# Title\n\nFirst.\n\n- a\n- b\n\n\`\`\`js\nlet x;\n\`\`\`\n\nSecond.`;
  const view = new ReplyView(root);
  view.update(source, true);
  const blocks = [...root.children];
  const inner = blocks.map((block) => block.firstChild);
  for (const more of "\n\nThird paragraph.\n\n> quote\n\n1. x\n2. y\n\nEnd.".matchAll(/./gsu)) {
    view.update(`${source}${more.input.slice(0, more.index)}`, true);
  }
  view.update(`${source}\n\nEnd.`, false);
  expect([...root.children].slice(0, blocks.length)).toEqual(blocks);
  expect([...root.children].slice(0, blocks.length).map((block) => block.firstChild)).toEqual(inner);
});

test("The items of a list keep their nodes while the list grows", () => {
  const view = new ReplyView(root);
  view.update("- one\n- two", true);
  const items = [...root.querySelectorAll("li")];
  view.update("- one\n- two\n- three **bold", true);
  expect([...root.querySelectorAll("li")].slice(0, 2)).toEqual(items);
});

test("An open code block grows in its last text node, and takes every line that comes", () => {
  const view = new ReplyView(root);
  let source = "```\nline 0\n";
  view.update(source, true);
  const parts: Node[] = [];
  for (let line = 1; line < 200; line++) {
    source += `line ${line}\n`;
    view.update(source, true);
    const now = [...root.querySelectorAll(".part")].flatMap((part) => [...part.childNodes]);
    expect(now.slice(0, parts.length)).toEqual(parts);
    parts.splice(0, parts.length, ...now);
  }
  expect(parts).toHaveLength(5);
  expect(root.querySelector("code")?.textContent).toBe(source.slice(4, -1));
});

test("The ticks that may end a code block are not shown in it", () => {
  const view = new ReplyView(root);
  view.update("```\ncode\n``", true);
  expect(root.querySelector("code")?.textContent).toBe("code");
  view.update("```\ncode\n``x", true);
  expect(root.querySelector("code")?.textContent).toBe("code\n``x");
});

test("Markup that is begun and not ended is shown as what it will be, while more may come", () => {
  const view = new ReplyView(root);
  view.update("Some **bold", true);
  expect(root.querySelector("strong")?.textContent).toBe("bold");
  view.update("Some **bold", false);
  expect(root.querySelector("strong")).toBeNull();
});

test("A formula that is begun shows its source, whatever is in it", () => {
  const view = new ReplyView(root);
  view.update("$$\na_1 * b_1 *", true);
  expect(root.querySelector("md-math[source]")?.textContent).toBe("a_1 * b_1 *");
});

test("A text that is replaced by another is shown as that other", () => {
  const view = new ReplyView(root);
  view.update(DOCUMENTS.lists ?? "", true);
  view.update(DOCUMENTS.table ?? "", true);
  view.update(DOCUMENTS.table ?? "", false);
  expect(root.innerHTML).toBe(whole(DOCUMENTS.table ?? ""));
});

test("Blocks that cannot change any more are not read again", { timeout: 60_000 }, () => {
  const view = new ReplyView(root);
  const long = Array.from({ length: 300 }, (_, number) => `Paragraph ${number} with *words*.`).join("\n\n");
  view.update(long, true);
  const observer = new MutationObserver(() => {});
  observer.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
  view.update(`${long} More`, true);
  const changed = new Set(observer.takeRecords().map(({ target }) => topBlock(target)));
  expect([...changed]).toEqual([root.lastElementChild]);
});

test("Quotes nested ten thousand deep are shown as text", () => {
  const view = new ReplyView(root);
  view.update(`Before\n\n${">".repeat(10_000)} deep`, false);
  expect(root.textContent).toContain("deep");
});

function topBlock(node: Node): Node | null {
  let block: Node | null = node;
  while (block && block.parentNode !== root) block = block.parentNode;
  return block;
}
