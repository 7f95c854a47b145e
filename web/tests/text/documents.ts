/** Replies with every kind of block, each in the ways models write it. */

export const DOCUMENTS: Record<string, string> = {
  paragraphs:
    "One *short* paragraph with **bold**, `code` and ~~old~~ text.\nA second line.\n\nAnother one.\n\nThe last.",
  headings:
    "# First\n\nText\n\n## Second\nText below it\n\nSetext\n======\n\nAnother\n---\n\n### Third ###\n\n###### Sixth",
  lists:
    "Before:\n\n- one\n- two\n  - nested\n  - more\n\n    a paragraph inside\n- three\n\nAfter.\n\n1. first\n\n2. loose\n\n   ```py\n   x = 1\n\n   y = 2\n   ```\n\n3. last\n\nEnd\n\n* other\n+ third",
  tasks: "- [ ] open\n- [x] done\n  - [ ] nested\n\nText\n\n1. [x] with a number",
  table:
    "Text\n\n| a | b | c |\n|:--|:-:|--:|\n| 1 | `x|y` | **3** |\n| 4 | 5 |\n\nAfter the table.\n\n| only | head |\n|---|---|\n\nEnd",
  fences:
    "Code:\n\n```python\ndef f(x):\n\n    return x  # `a`\n```\n\nText\n\n~~~\n```\nnot an end\n~~~\n\n````md\n```js\nlet a;\n```\n````\nnext to it\n\n```\n\n\n```\n\n  ```js\n  indented();\n  ```\n\n    four spaces\n\n    again\n\ndone",
  openFence: "Look:\n\n```ts\nconst a = 1;\n\nconst b = 2;\n``\n  `x`\n",
  quotes:
    "> A quote\n> with two lines\nand a lazy one\n\n> Another\n>\n> - with a list\n> - of two\n>\n> ```\n> code\n> ```\n\nText",
  references:
    'See [the docs][1], [site] and [nothing][2].\n\nA paragraph.\n\nAnother [site][] one.\n\n[1]: https://example.org/docs "Docs"\n[site]: <https://example.com>\n[1]: https://late.example\n\nLater [the docs][1].\n\n> [inner]: https://inner.example\n\nSee [inner].',
  html: 'Press <kbd>Ctrl</kbd>+<kbd>C</kbd>, H<sub>2</sub>O<br>x<sup>2</sup>.\n\n<details>\n<summary>More</summary>\n\nHidden **text**\n\n```js\n1\n```\n\n</details>\n\nAfter\n\n<div align="center">\n<h1>Title</h1>\n</div>\n\n<!-- a comment\n\nover lines -->\n\nVec<T> and <unknown>tags</unknown>\n\n<custom-thing>\nblock\n</custom-thing>\n\nEnd',
  math: "Euler: $e^{i\\pi} + 1 = 0$, and \\(a_1 * b_1 * c_1\\).\n\n$$\n\\frac{a}{b}\n$$\n\n\\[\n\\begin{aligned}\nx &= 1 \\\\\ny &= 2\n\\end{aligned}\n\\]\n\nInline $$x^2$$ display.\nText\n$$y$$\nmore text\n\n- in a list $x_i$\n- \\[ z \\]\n\n$$\nunfinished\n\nSo no formula. $5 and $6 dollars, `$x$` code.",
  links:
    '<https://example.org> https://example.com/a_b_c?d=1 www.example.net me@example.org [a](https://x.org "t") ![alt](https://img.example/a.png) [![badge](https://b.example/x.svg)](https://b.example)',
  rules: "a\n\n---\n\nb\n***\nc\n\n- - -\n\nd",
  carriageReturns: "One\r\ntwo\r\n\r\n- a\r\n- b\r\n\r\n```\r\ncode\r\n```\r\n\r\nEnd\r",
  hebrew: "שלום **עולם**\n\n- אחת\n- שתיים\n\nEnglish",
  emphasis:
    "**bold *nested* `c`** _a_ __b__ snake_case_name 2*3*4 ***all*** **unclosed\n\n*also\n\n[link](unfinished\n\n`tick\n\n~~gone",
  odd: "\n\n  \n# \n\n-\n\n>\n\n1.\n\n|\n|-\n\n```",
};
