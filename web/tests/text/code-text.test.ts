import hljs from "highlight.js/lib/common";
import { beforeEach, describe, expect, test } from "vitest";
import { CodeText } from "../../src/text/code-text";

const CODE = `/* a comment\nover lines */\n${Array.from({ length: 100 }, (_, at) => `const a${at} = "<b>&amp;'" + ${at};`).join("\n")}\n\`x\n\ny\``;

let element: HTMLElement;
let text: CodeText;

beforeEach(() => {
  element = document.createElement("code");
  text = new CodeText(element);
});

function colours(code: string): string {
  return hljs.highlight(code, { language: "javascript" }).value;
}

describe("Code in colours", () => {
  test("is letter by letter the code", () => {
    text.show(CODE);
    text.colour(colours(CODE), CODE);
    expect(element.textContent).toBe(CODE);
    expect(element.querySelector(".hljs-keyword")?.textContent).toBe("const");
    expect(text.isColoured).toBe(true);
    expect([...element.querySelectorAll("span")].filter((span) => span.textContent === "")).toEqual([]);
  });

  test("has its comment in colour on both sides of the end of a part", () => {
    const comment = `/*${"\n".repeat(60)}*/`;
    text.show(comment);
    text.colour(colours(comment), comment);
    expect(element.querySelectorAll(".part")).toHaveLength(2);
    expect([...element.querySelectorAll(".hljs-comment")].map((span) => span.textContent).join("")).toBe(comment);
  });

  test("goes on growing without, in the same parts as if it had come at once", () => {
    const half = CODE.slice(0, 2000);
    text.show(half);
    text.colour(colours(half), half);
    text.show(CODE);
    expect(element.textContent).toBe(CODE);
    expect(text.isColoured).toBe(false);
    text.colour(colours(CODE), CODE);
    const whole = document.createElement("code");
    const other = new CodeText(whole);
    other.show(CODE);
    other.colour(colours(CODE), CODE);
    expect(element.innerHTML).toBe(whole.innerHTML);
  });

  test("keeps the parts that have not changed when it is coloured again", () => {
    text.show(CODE.slice(0, 3000));
    text.colour(colours(CODE.slice(0, 3000)), CODE.slice(0, 3000));
    const first = element.firstElementChild;
    text.show(CODE);
    text.colour(colours(CODE), CODE);
    expect(element.firstElementChild).toBe(first);
  });

  test("has nothing but spans and text in it, whatever the HTML was", () => {
    text.show("x");
    text.colour('<img src=x><span class="a" onclick="b">y</span><b>z</b><span class="c">&lt;</span>', "x");
    expect([...element.querySelectorAll("*")].map(({ localName }) => localName)).toEqual(["span", "span"]);
  });
});

test("Code that is not the old one with more at its end is shown as what it is", () => {
  text.show("one\ntwo");
  text.show("one\nother\n");
  expect(element.textContent).toBe("one\nother\n");
});
