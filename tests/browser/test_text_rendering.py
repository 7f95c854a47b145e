"""Replies as they are shown, in a real browser under the page's policy: formulas, code, pictures; for everybody."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import Tab
from tests.reply_page import reply_page

_FORMULAS = (
    r"\sqrt{x}",
    r"\sqrt[3]{\frac{\frac{a}{b}}{\frac{c}{d}}}",
    r"\overbrace{a+b}^{n} \underbrace{c}_{m}",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    r"\begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}",
    r"\left( \left| \frac{\frac{a}{b}}{\frac{c}{d}} \right| \right\}",
    r"\left\Updownarrow \begin{matrix}1\\2\\3\\4\\5\end{matrix} \right\rgroup",
    r"\color{red} x \textcolor{#00f}{y} \colorbox{yellow}{z} \fcolorbox{blue}{yellow}{A}",
    r"\vec{v} \hat{h} \widehat{abc} \overrightarrow{AB} \overline{x}",
    r"\pmb{x} \boldsymbol{b} \cancel{c} \boxed{d} \sout{e} \phase{45^\circ} \angl{n}",
    r"\xrightarrow[b]{a} \xleftrightharpoons{c}",
    r"\int_0^\infty \sum_{i=1}^n \lim_{x \to 0} \mathbb{R} \mathcal{L} \mathfrak{g}",
    r"\begin{aligned} x &= 1 \\ y &= 2 \end{aligned} \tag{1}",
    r"\begin{CD} A @>a>> B \\ @VVbV @VVcV \\ C @>d>> D \end{CD}",
    r"\begin{array}{|c|c|} \hline a & b \\ \hline \end{array} \rule{1em}{2em} \raisebox{1em}{x} \kern2em",
)

_REPLY = """
# Title

Text with a [link](https://example.org), `code`, and $x^2$.

## Part

- [ ] open
- [x] done

| a | b |
|---|---|
| 1 | 2 |

```python
def long(): return "a line that is longer than the place that it has, so that it scrolls inside of its block"
```

$$
\\sum_{i=1}^n i = \\frac{n(n+1)}{2}
$$

![A cat](https://images.example.org/cat.png)

<details><summary>More</summary>

Hidden

</details>
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with reply_page(tmp_path_factory.mktemp("replies")) as served:
        yield served


@pytest.fixture
def replies(url: str, tab: Tab) -> Tab:
    """The page, with no reply yet."""
    tab.open(url)
    tab.until("document.readyState === 'complete' && window.harness !== undefined")
    tab.requests.clear()
    return tab


def show(replies: Tab, source: str) -> None:
    replies.evaluate(f"harness.show({json.dumps(source)}, false)")


def test_formulas_are_drawn_with_styles_and_the_policy_refuses_nothing(replies: Tab, url: str) -> None:
    show(replies, "\n\n".join(f"$$\n{tex}\n$$" for tex in _FORMULAS))
    replies.until(f"document.querySelectorAll('md-math .katex').length === {len(_FORMULAS)}")
    replies.until("document.fonts.ready.then(() => document.fonts.status === 'loaded')")

    assert replies.evaluate("harness.violations") == []
    assert replies.complaints == []
    # These styles are attributes in what KaTeX writes by itself.
    assert replies.evaluate("[...document.querySelectorAll('.katex svg')].some((svg) => svg.style.width !== '')")
    assert replies.evaluate("document.querySelectorAll('[data-style]').length") == 0
    fonts = [asked for asked in replies.requests if "/KaTeX_" in asked]
    assert fonts != []
    assert all(font.startswith(url) and font.endswith(".woff2") for font in fonts)


def test_a_formula_that_cannot_be_read_shows_its_source(replies: Tab) -> None:
    show(replies, r"$\frac{a$ and $\unknown{b}$ and $x$")
    replies.until("document.querySelector('.katex') !== null")

    sources = replies.evaluate("[...document.querySelectorAll('md-math[source]')].map((math) => math.textContent)")
    assert sources == [r"\frac{a", r"\unknown{b}"]
    assert replies.evaluate("harness.violations") == []


def test_neither_highlight_js_nor_katex_is_loaded_before_it_is_needed(replies: Tab) -> None:
    show(replies, "Only **text**, `code`, and a [link](https://example.org).")
    assert replies.requests == []

    show(replies, "$x$")
    replies.until("document.querySelector('.katex') !== null")
    assert any("katex" in asked for asked in replies.requests)
    assert not any("highlight" in asked for asked in replies.requests)

    show(replies, "```js\nlet x;\n```")
    replies.until("document.querySelector('.hljs-keyword') !== null")


def test_code_gets_its_colours_while_it_is_written_and_keeps_every_letter(replies: Tab) -> None:
    code = "\n".join(f'const value{number} = "<b>&amp;" + {number}; // {number}' for number in range(200))
    replies.evaluate(f"harness.show({json.dumps('```js' + chr(10) + code)}, true)")
    replies.until("document.querySelectorAll('.hljs-keyword').length === 200")
    show(replies, f"```js\n{code}\nlet last;\n```")
    replies.until("document.querySelectorAll('.hljs-keyword').length === 201")

    code += "\nlet last;"
    assert replies.evaluate("document.querySelector('code').textContent") == code
    selected = "(getSelection().selectAllChildren(document.querySelector('code')), getSelection().toString())"
    assert replies.evaluate(selected) == code


def test_a_picture_of_another_host_is_asked_for_by_a_click_only(replies: Tab, url: str) -> None:
    address = f"{url}dot.svg"
    show(replies, f"![A dot]({address})")
    assert replies.evaluate("document.querySelector('#page :is(img, iframe)')") is None
    assert address not in replies.requests

    replies.click("button", re.compile("^Load image from 127"))
    replies.until("document.querySelector('md-image iframe:not([hidden])') !== null")

    assert address in replies.requests
    assert replies.evaluate("document.querySelector('md-image iframe').title") == "A dot"
    shown = "document.querySelector('md-image iframe').contentDocument.querySelector('img')"
    assert replies.evaluate(f"[{shown}.alt, {shown}.referrerPolicy]") == ["A dot", "no-referrer"]
    place = "document.querySelector('md-image iframe').getBoundingClientRect()"
    assert replies.evaluate(f"[{place}.width, {place}.height]") == [90, 60]
    assert replies.evaluate(f"[{shown}.clientWidth, {shown}.clientHeight]") == [90, 60]
    assert replies.evaluate("harness.violations") == []


def test_a_picture_that_cannot_be_loaded_says_so_and_can_be_asked_for_again(replies: Tab) -> None:
    show(replies, "![A cat](http://images.invalid/cat.png)")
    replies.click("button", "Load image from images.invalid")
    replies.sees("The image could not be loaded.")

    assert replies.find("button", "Load image from images.invalid").properties.get("disabled") is not True
    assert replies.evaluate("document.querySelector('#page iframe')") is None


def test_code_is_copied_by_keyboard_as_it_was_written(replies: Tab) -> None:
    show(replies, "```html\n<b>&amp;</b>\n\n$x$\n```")
    replies.press("Tab", "Enter")
    replies.sees("Copied.")

    assert replies.clipboard == "<b>&amp;</b>\n\n$x$"


def test_a_reply_has_nothing_that_axe_finds_wrong(replies: Tab) -> None:
    show(replies, _REPLY)
    replies.until("document.querySelectorAll('.katex').length === 2")
    replies.until("document.querySelector('.hljs-keyword') !== null")

    for theme in ("light", "dark"):
        replies.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert violations_of(replies) == []


def test_what_is_wider_than_the_page_scrolls_in_its_own_place_and_can_be_reached_by_keyboard(replies: Tab) -> None:
    wide = " + ".join(f"x_{{{number}}}" for number in range(200))
    row = " | ".join(f"a-long-word-{number}" for number in range(30))
    rule = "|".join(["---"] * 30)
    show(replies, f"$$\n{wide}\n$$\n\n| {row} |\n|{rule}|\n| {row} |\n\n```\n{'wide ' * 200}\n```")
    replies.until("document.querySelector('md-math .katex') !== null")

    for name in ("md-math", "md-table", "pre"):
        replies.until(f"document.querySelector('{name}').tabIndex === 0")
        assert replies.evaluate(
            f"document.querySelector('{name}').scrollWidth > document.querySelector('{name}').clientWidth"
        )
        assert replies.evaluate(f"document.querySelector('{name}').getAttribute('aria-label')")
    assert replies.evaluate("document.documentElement.scrollWidth <= innerWidth")
