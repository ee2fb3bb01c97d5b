"""The report in a real browser: it works, nothing overlaps or sticks out, it prints whole, everybody can use it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser.window import DESK, PHONE, TABLET

Open = Callable[..., Any]

PAPER = 703
"""Width of a page of A4 between its margins, in pixels: (210 - 2 x 12) mm at 96 dots an inch."""


def test_it_loads_nothing_and_complains_of_nothing(opened: Open) -> None:
    page = opened()
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file://", "data:"))] == []
    assert len([url for url in page.requests if url.startswith("file://")]) == 1


def test_every_figure_is_there_and_described(opened: Open, directory: Path) -> None:
    page = opened()
    drawn = sorted(path.stem for path in (directory / "figures").glob("*.svg"))
    assert sorted(f"figure-{name}" for name in drawn) == sorted(
        page.eval_on_selector_all("figure", "all => all.map(f => f.id)")
    )
    for figure in page.query_selector_all("figure"):
        found = figure.eval_on_selector(
            "svg",
            """svg => ({width: svg.getBoundingClientRect().width, height: svg.getBoundingClientRect().height,
               words: svg.querySelectorAll('text').length, shapes: svg.querySelectorAll('path').length,
               said: svg.getAttribute('aria-label')})""",
        )
        name = figure.get_attribute("id")
        assert found["width"] > 500, name
        assert found["height"] > 100, name
        assert found["words"] > 3, name
        assert found["shapes"] > 3, name
        assert len(found["said"]) > 40, name
        assert figure.query_selector("figcaption a.data") is not None, name
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_a_figure_is_known(opened: Open, scheme: str) -> None:
    unknown = opened(scheme=scheme).evaluate(
        """() => {
            const style = getComputedStyle(document.documentElement);
            const used = new Set(document.querySelector('main').innerHTML.match(/--c-[0-9a-f]{6}/g) ?? []);
            return [...used].filter(name => !style.getPropertyValue(name).trim());
        }"""
    )
    assert unknown == []


def test_tables_sort_by_numbers_and_by_words(opened: Open) -> None:
    page = opened()
    table = page.locator("#strategies table").nth(1)
    cost = table.locator("thead th").nth(1)

    def column(k: int) -> list[str]:
        return [row.locator("th, td").nth(k).inner_text() for row in table.locator("tbody tr").all()]

    before = column(1)
    cost.locator("button").click()
    assert cost.get_attribute("aria-sort") == "descending"
    numbers = [float(text.replace(",", "")) for text in column(1)]
    assert numbers == sorted(numbers, reverse=True)
    cost.locator("button").click()
    assert cost.get_attribute("aria-sort") == "ascending"
    assert [float(text.replace(",", "")) for text in column(1)] == numbers[::-1]
    table.locator("thead th").nth(0).locator("button").click()
    assert cost.get_attribute("aria-sort") is None
    assert column(0) == sorted(column(0), key=str.lower)
    assert sorted(column(1)) == sorted(before)


def test_empty_cells_come_last_in_either_order(opened: Open) -> None:
    page = opened()
    table = page.locator("#strategies table").nth(1)
    heading = table.locator("thead th").nth(5)
    for _ in range(2):
        heading.locator("button").click()
        cells = [row.locator("td").nth(4).inner_text() for row in table.locator("tbody tr").all()]
        filled = [bool(text) for text in cells]
        assert filled == sorted(filled, reverse=True)
        assert not all(filled)


def test_inputs_can_be_searched(opened: Open) -> None:
    page = opened()
    rows = page.locator("#inputs tbody tr")
    total = rows.count()
    page.locator("#inputs input[type=search]").fill("population ASSUMED")
    shown = [row.inner_text().lower() for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < total
    assert all("population" in text and "assumed" in text for text in shown)
    assert page.locator("#inputs [role=status]").inner_text() == f"{len(shown)} of {total} rows"
    page.locator("#inputs input[type=search]").fill("")
    assert all(row.is_visible() for row in rows.all())


def test_links_lead_somewhere(opened: Open, directory: Path) -> None:
    page = opened()
    places = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    inside = [place[1:] for place in places if place.startswith("#")]
    missing = page.evaluate("ids => ids.filter(id => !document.getElementById(id))", inside)
    assert missing == []
    files = [place for place in places if not place.startswith("#")]
    assert files
    assert [place for place in files if not (directory / place).is_file()] == []


def test_a_page_sent_alone_has_its_data(opened: Open, directory: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(directory / "report.html", tmp_path / "sent.html"))
    page = opened(path=alone)
    for name in ("visits", "inputs"):
        with page.expect_download() as waiting:
            page.locator(f"a[data-content=data-{name}]").first.click()
        assert waiting.value.suggested_filename == f"{name}.csv"
        assert Path(waiting.value.path()).read_bytes() == (directory / "tables" / f"{name}.csv").read_bytes()


# Whatever is wider than the window stands in a box of its own that scrolls.
STICKING_OUT = """width => [...document.querySelectorAll('body *')].filter(e =>
    !e.closest('.skip') && !e.closest('script') && (e.classList.contains('scroll') || !e.closest('.scroll'))
    && !(e.closest('.prose table') && e.tagName !== 'TABLE')
    && (e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1)
).map(e => e.outerHTML.slice(0, 80))"""

OVERLAPPING = """() => [...document.querySelectorAll('main section, header, .grid, figure')].flatMap(parent => {
    const children = [...parent.children].filter(e => e.getBoundingClientRect().height > 0);
    return children.slice(1).filter((e, i) =>
        e.getBoundingClientRect().top < children[i].getBoundingClientRect().bottom - 1
    ).map(e => e.outerHTML.slice(0, 80));
})"""

WORDS_OVER_WORDS = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
    const boxes = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim())
        .map(t => [t.textContent.trim(), t.getBoundingClientRect()]);
    const found = [];
    boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, two]) => {
        const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const high = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (Math.min(wide, high) > 3) found.push(`${svg.closest('figure').id}: ${a} | ${b}`);
    }));
    return found;
})"""


@pytest.mark.parametrize("width", [PHONE, TABLET, DESK])
def test_nothing_sticks_out_or_overlaps(opened: Open, width: int) -> None:
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT, width) == []
    assert page.evaluate(OVERLAPPING) == []


def test_words_in_figures_do_not_overlap(opened: Open) -> None:
    assert opened().evaluate(WORDS_OVER_WORDS) == []


def test_it_prints_without_cutting_tables(opened: Open) -> None:
    page = opened(PAPER, scheme="dark")
    page.emulate_media(media="print")
    cut = page.evaluate(
        """width => [...document.querySelectorAll('main table, main figure svg, main pre')].filter(
            e => e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 120))""",
        PAPER,
    )
    assert cut == []
    clipped = page.evaluate(
        """() => [...document.querySelectorAll('.scroll, .prose table')].filter(
            e => getComputedStyle(e).overflowX !== 'visible').length"""
    )
    assert clipped == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding_of_accessibility(opened: Open, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason='pip install ".[browser]"')
    found = axe.Axe().run(opened(scheme=scheme)).response["violations"]
    serious = [
        f"{one['id']}: {one['help']}: {[node['html'][:100] for node in one['nodes'][:3]]}"
        for one in found if one["impact"] in ("serious", "critical")
    ]  # fmt: skip
    assert serious == []
