"""Replies as they are shown, in a real browser under the page's policy: formulas, code, pictures; for everybody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.devtools import Tab, browser
from tests.reply_page import reply_page

_AXE = Path(__file__).parent.parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"

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


class Page(NamedTuple):
    url: str
    tab: Tab


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("replies")
    with reply_page(folder / "page") as url, browser(folder) as tab:
        yield Page(url, tab)


@pytest.fixture
def tab(page: Page) -> Tab:
    """The page anew."""
    page.tab.open(page.url)
    page.tab.until("document.readyState === 'complete' && window.harness !== undefined")
    for noted in (page.tab.complaints, page.tab.requested):
        noted.clear()
    return page.tab


def show(tab: Tab, source: str) -> None:
    tab.evaluate(f"harness.show({json.dumps(source)}, false)")


def test_formulas_are_drawn_with_styles_and_the_policy_refuses_nothing(tab: Tab, page: Page) -> None:
    show(tab, "\n\n".join(f"$$\n{tex}\n$$" for tex in _FORMULAS))
    tab.until(f"document.querySelectorAll('md-math .katex').length === {len(_FORMULAS)}")
    tab.until("document.fonts.ready.then(() => document.fonts.status === 'loaded')")

    assert tab.evaluate("harness.violations") == []
    assert tab.complaints == []
    # These styles are attributes in what KaTeX writes by itself.
    assert tab.evaluate("[...document.querySelectorAll('.katex svg')].some((svg) => svg.style.width !== '')")
    assert tab.evaluate("document.querySelectorAll('[data-style]').length") == 0
    fonts = [url for url in tab.requested if "/KaTeX_" in url]
    assert fonts != []
    assert all(url.startswith(page.url) and url.endswith(".woff2") for url in fonts)


def test_a_formula_that_cannot_be_read_shows_its_source(tab: Tab) -> None:
    show(tab, r"$\frac{a$ and $\unknown{b}$ and $x$")
    tab.until("document.querySelector('.katex')")

    sources = tab.evaluate("[...document.querySelectorAll('md-math[source]')].map((math) => math.textContent)")
    assert sources == [r"\frac{a", r"\unknown{b}"]
    assert tab.evaluate("harness.violations") == []


def test_neither_highlight_js_nor_katex_is_loaded_before_it_is_needed(tab: Tab) -> None:
    show(tab, "Only **text**, `code`, and a [link](https://example.org).")
    assert tab.requested == []

    show(tab, "$x$")
    tab.until("document.querySelector('.katex')")
    assert any("katex" in url for url in tab.requested)
    assert not any("highlight" in url for url in tab.requested)

    show(tab, "```js\nlet x;\n```")
    tab.until("document.querySelector('.hljs-keyword')")


def test_code_gets_its_colours_while_it_is_written_and_keeps_every_letter(tab: Tab) -> None:
    code = "\n".join(f'const value{number} = "<b>&amp;" + {number}; // {number}' for number in range(200))
    tab.evaluate(f"harness.show({json.dumps('```js' + chr(10) + code)}, true)")
    tab.until("document.querySelectorAll('.hljs-keyword').length === 200")
    show(tab, f"```js\n{code}\nlet last;\n```")
    tab.until("document.querySelectorAll('.hljs-keyword').length === 201")

    code += "\nlet last;"
    assert tab.evaluate("document.querySelector('code').textContent") == code
    selected = "(getSelection().selectAllChildren(document.querySelector('code')), getSelection().toString())"
    assert tab.evaluate(selected) == code


def test_a_picture_of_another_host_is_asked_for_by_a_click_only(tab: Tab, page: Page) -> None:
    address = page.url + "dot.svg"
    show(tab, f"![A dot]({address})")
    assert tab.evaluate("document.images.length") == 0
    assert address not in tab.requested

    tab.evaluate("document.querySelector('md-image button').click()")
    tab.until("document.querySelector('md-image img')?.complete")

    assert address in tab.requested
    assert tab.evaluate("document.querySelector('md-image img').referrerPolicy") == "no-referrer"
    assert tab.evaluate("document.querySelector('md-image img').alt") == "A dot"


def test_a_picture_that_cannot_be_loaded_says_so_and_can_be_asked_for_again(tab: Tab) -> None:
    show(tab, "![A cat](http://images.invalid/cat.png)")
    tab.evaluate("document.querySelector('md-image button').click()")
    tab.until("document.querySelector('md-image [role=status]').textContent === 'The image could not be loaded.'")

    assert tab.evaluate("document.querySelector('md-image button').disabled") is False


def test_a_reply_has_nothing_that_axe_finds_wrong(tab: Tab) -> None:
    show(tab, _REPLY)
    tab.until("document.querySelectorAll('.katex').length === 2 && document.querySelector('.hljs-keyword')")
    tab.evaluate(_AXE.read_text() + "; undefined")

    for theme in ("light", "dark"):
        tab.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found: list[dict[str, Any]] = tab.evaluate("axe.run('#page').then(({ violations }) => violations)")
        assert [(wrong["id"], [node["html"] for node in wrong["nodes"]]) for wrong in found] == []


def test_what_is_wider_than_the_page_scrolls_in_its_own_place_and_can_be_reached_by_keyboard(tab: Tab) -> None:
    wide = " + ".join(f"x_{{{number}}}" for number in range(200))
    row = " | ".join(f"a-long-word-{number}" for number in range(30))
    rule = "|".join(["---"] * 30)
    show(tab, f"$$\n{wide}\n$$\n\n| {row} |\n|{rule}|\n| {row} |\n\n```\n{'wide ' * 200}\n```")
    tab.until("document.querySelector('md-math .katex')")

    for name in ("md-math", "md-table", "pre"):
        tab.until(f"document.querySelector('{name}').tabIndex === 0")
        assert tab.evaluate(
            f"document.querySelector('{name}').scrollWidth > document.querySelector('{name}').clientWidth"
        )
        assert tab.evaluate(f"document.querySelector('{name}').getAttribute('aria-label')")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
