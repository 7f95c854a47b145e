import "./node-names";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { ReplyView } from "../../src/text/view";
import { untilHolds } from "../until";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.replaceChildren(root);
});

function show(source: string): HTMLElement {
  new ReplyView(root).update(source, false);
  return root;
}

const formulas = (source: string) => [...show(source).querySelectorAll("md-math")].map((math) => math.textContent);
const links = (source: string) => [...show(source).querySelectorAll("a")].map((link) => link.getAttribute("href"));

describe("Formulas", () => {
  test.each([
    ["$x$", ["x"]],
    ["($x$), $y$.", ["x", "y"]],
    ["\\(a + b\\)", ["a + b"]],
    ["\\[ x \\]", ["x"]],
    ["$$x$$", ["x"]],
    ["$$\nx\n$$", ["x"]],
    ["Text\n$$\nx\n$$\nmore", ["x"]],
    ["- a\n  \\[\n  x\n  \\]", ["x"]],
    ["> $$x$$", ["x"]],
    ["| a |\n|---|\n| $x_1$ |", ["x_1"]],
    ["$5x + 3$ and $2\\pi$", ["5x + 3", "2\\pi"]],
    ["*a* $b_1 * c$ *d_1*", ["b_1 * c"]],
    ["$\\$5$", ["\\$5"]],
    ["**Note: $a*b*c$**", ["a*b*c"]],
    ["$f(x) = \\text{if } x < 5$", ["f(x) = \\text{if } x < 5"]],
    ["$<script>$", ["<script>"]],
  ])("are found in %j", (source, expected) => {
    expect(formulas(source)).toEqual(expected);
  });

  test.each([
    "$5 and $6 dollars",
    "It costs $5-$6.",
    "US$5 and CA$6",
    "between $5 and 10$",
    "$20,000 (was $30,000)",
    "from $1.5M to $2M",
    "$5 million is more than 3$",
    "a $ b $ c",
    "\\$x\\$",
    "`$x$` and ``\\(y\\)``",
    "```\n$x$\n$$y$$\n```",
    "    $x$",
    "\\\\(x\\\\)",
    "$$\n\nx\n\n$$",
    "$a\n\nb$",
    "echo $HOME and $PATH",
    "\\[text\\](https://example.org)",
    "$",
    "$$",
    "$$$$",
    "\\(\\)",
  ])("are none in %j", (source) => {
    expect(formulas(source)).toEqual([]);
  });

  test("that are prices stay as they were written", () => {
    expect(show("$5 and $6 dollars, US$7").textContent?.trim()).toBe("$5 and $6 dollars, US$7");
  });
});

describe("Headings", () => {
  test("begin at the third level, and end at the sixth", () => {
    show("# a\n\n## b\n\n### c\n\n#### d\n\n##### e\n\n###### f\n\n<h1>g</h1>");
    const levels = [...root.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(({ localName }) => localName);
    expect(levels).toEqual(["h3", "h4", "h5", "h6", "h6", "h6", "h3"]);
  });

  test("have no ids that could stand for something else in the page", () => {
    expect(show("# Location").querySelector("[id], [name]")).toBeNull();
  });
});

describe("Links", () => {
  test("go to http, https and mailto, in a window of their own that learns nothing of the page", () => {
    expect(links("[a](https://a.example) [b](http://b.example) <c@d.example>")).toEqual([
      "https://a.example/",
      "http://b.example/",
      "mailto:c@d.example",
    ]);
    expect(root.querySelector("a")?.target).toBe("_blank");
    expect(root.querySelector("a")?.rel).toBe("noopener noreferrer nofollow");
  });

  test.each(["javascript:1", "data:text/html,x", "vbscript:1", "/delete", "#x", "//host.example", "ftp://a.example"])(
    "to %s are text",
    (address) => {
      expect(links(`[a](${address})`)).toEqual([null]);
      expect(root.textContent?.trim()).toBe("a");
    },
  );
});

describe("HTML in Markdown", () => {
  test("is read where it is known", () => {
    show('<kbd>Ctrl</kbd> H<sub>2</sub>O<br>a\n\n<details open="">\n<summary>s</summary>\n\n**b**\n\n</details>');
    expect(root.querySelector("kbd")?.textContent).toBe("Ctrl");
    expect(root.querySelector("details[open] strong")?.textContent).toBe("b");
  });

  test("is shown as text where it is not", () => {
    expect(show("A Vec<T> and <script>alert(1)</script> in <think>a line</think>.").textContent?.trim()).toBe(
      "A Vec<T> and <script>alert(1)</script> in <think>a line</think>.",
    );
  });

  test("keeps only the attributes that are known", () => {
    show('<abbr title="t" onclick="x()" id="i" style="color:red" class="c">a</abbr>');
    expect(root.querySelector("abbr")?.getAttributeNames()).toEqual(["title"]);
  });

  test("has no comments", () => {
    expect(show("a <!-- b --> c\n\n<!--\n\nd -->\n\ne").textContent?.replace(/\s+/g, " ").trim()).toBe("a c e");
  });
});

describe("Pictures", () => {
  const image = () => root.querySelector("img");

  test("of another host are a button with the host's name, until it is pressed", () => {
    show("![A cat](https://images.example.org/cat.png)");
    expect(image()).toBeNull();
    expect(root.querySelector("md-image")?.textContent).toBe("Load image from images.example.orgA cat");
  });

  test("in HTML are the same", () => {
    show('<img src="https://images.example.org/cat.png" alt="A cat">');
    expect(image()).toBeNull();
    expect(root.querySelector("button")?.textContent).toBe("Load image from images.example.org");
  });

  test("that are in the text itself are shown at once", () => {
    show("![dot](data:image/png;base64,iVBORw0KGgo=)");
    expect(image()?.alt).toBe("dot");
  });

  test.each(["data:image/svg+xml;base64,AAAA", "/icon.svg", "javascript:1", "blob:x", "file:///x", ""])(
    "with the address %j are only their description",
    (address) => {
      show(`![described](${address})`);
      expect(root.querySelector("img, button")).toBeNull();
      expect(root.textContent?.trim()).toBe("described");
    },
  );

  test("stand behind the link that they were in, which keeps what they are called", () => {
    show("[![Build](https://img.example/b.svg)](https://ci.example)");
    expect(root.querySelector("a button")).toBeNull();
    expect(root.querySelector("a")?.textContent).toBe("Build");
    expect(root.querySelector("a + md-image button")).not.toBeNull();
  });
});

describe("Lists and tables", () => {
  test("have boxes of tasks that are named, and are no form", () => {
    show("- [ ] a\n- [x] b");
    const boxes = [...root.querySelectorAll("md-task")].map((box) => box.getAttribute("aria-label"));
    expect(boxes).toEqual(["To do", "Done"]);
    expect(root.querySelector("input")).toBeNull();
  });

  test("keep a number to begin with, and the alignment of columns", () => {
    show("7. a\n8. b\n\n| a | b |\n|:-:|--:|\n| c | d |");
    expect(root.querySelector("ol")?.start).toBe(7);
    expect([...root.querySelectorAll("td")].map((cell) => cell.getAttribute("align"))).toEqual(["center", "right"]);
    expect(root.querySelector("md-table > table")).not.toBeNull();
  });
});

describe("Code", () => {
  test("has its language, a button that copies it, and can be scrolled by keyboard", () => {
    show("```python title=x\nx = 1\n```");
    expect(root.querySelector("md-code span")?.textContent).toBe("python");
    expect(root.querySelector("button")?.getAttribute("aria-label")).toBe("Copy code");
    expect(root.querySelector("pre")?.tabIndex).toBe(0);
    expect(root.querySelector("pre")?.getAttribute("aria-label")).toBe("Code in python");
  });

  test("is copied as it was written, and that is said", async () => {
    const writeText = vi.fn().mockResolvedValue(undefined);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
    show("- a\n  ```html\n  <b>&amp;</b>\n\n  $x$\n  ```");
    root.querySelector("button")?.click();
    await untilHolds(() => expect(root.querySelector("[role=status]")?.textContent).toBe("Copied."));
    expect(writeText).toHaveBeenCalledWith("<b>&amp;</b>\n\n$x$");
    vi.unstubAllGlobals();
  });

  test("in a list keeps its node while it grows", () => {
    const view = new ReplyView(root);
    view.update("- a\n  ```js\n  let x;", true);
    const pre = root.querySelector("pre");
    view.update("- a\n  ```js\n  let x;\n  let y;\n  ```\n- b", true);
    expect(root.querySelector("pre")).toBe(pre);
    expect(pre?.textContent).toBe("let x;\nlet y;");
  });
});
