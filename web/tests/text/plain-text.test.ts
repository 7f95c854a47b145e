import "./node-names";
import { expect, test } from "vitest";
import { plainText } from "../../src/text/plain-text";

test.each([
  ["# Title\n\nSome **bold** and `code` &amp; more.", "Title\n\nSome bold and code & more."],
  ["- a\n- b\n  - c\n\n1. x\n2. y", "- a\n- b\n  - c\n\n1. x\n2. y"],
  ["- [x] done\n- [ ] open", "- [x] done\n- [ ] open"],
  ["| a | b |\n|---|---|\n| 1 | *2* |", "a\tb\n1\t2"],
  ["```js\nlet x = '<b>';\n```", "let x = '<b>';"],
  ["[a link](https://a.example) ![a picture](https://b.example/i.png)", "a link a picture"],
  ["> quoted\n> text", "quoted\ntext"],
  ["$x^2$ and\n\n$$\ny\n$$", "x^2 and\n\ny"],
  ["a<br>b <kbd>c</kbd>", "a\nb c"],
  ["A Vec<T> is no HTML.", "A Vec<T> is no HTML."],
  ["<details>\n<summary>More</summary>\n\nHidden\n\n</details>", "More\n\nHidden\n\n"],
  ["", ""],
])("The plain text of %j is its words", (source, expected) => {
  expect(plainText(source)).toBe(expected);
});
