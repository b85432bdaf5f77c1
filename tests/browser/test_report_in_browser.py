"""The report as a reader sees it: a real Chromium opens the file without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from tests.browser.conftest import PATIENCE_MS
from tests.results import sample_result, walk
from tests.running import wait_for

from leeward.report.html import write_report

HOUR = 3_600_000
NASTY = "<img src=x onerror=alert(1)>"
RANGE = """() => {
    const chart = Bokeh.documents.map((d) => d.get_model_by_name("price")).find((c) => c);
    return [chart.x_range.start, chart.x_range.end];
}"""
ZOOM = """async () => {
    const chart = Bokeh.documents.map((d) => d.get_model_by_name("price")).find((c) => c);
    const range = chart.x_range, many = [], few = [];
    const step = async (start, end, times) => {
        const begun = performance.now();
        range.setv({ start, end });
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        times.push(performance.now() - begun);
    };
    for (let i = 0, { start, end } = range; i < 40; i++) {
        const size = end - start;
        start += size * 0.05;
        end -= size * 0.05;
        await step(start, end, many);
        if (i % 10 !== 9) continue;
        for (let hours = 100; hours < 110; hours++) await step(end - hours * 3600000, end, few);
    }
    const median = (times) => times.sort((a, b) => a - b)[20];
    return [median(many), median(few)];
}"""
COLOURS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) seen.add(data.slice(i, i + 3).join());
    return seen.size;
}"""


class Visit:
    """An open page, and everything it said or asked for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))
        page.set_default_timeout(PATIENCE_MS)
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready === 'true'")

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def price_range(self) -> tuple[float, float]:
        start, end = self.page.evaluate(RANGE)
        return float(start), float(end)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "one.html"
    candles = [walk("BTCUSDT", 20_000, gaps=(700,)), walk("ETHUSDT", 9_000, seed=2, skip=11_000)]
    write_report(path, [sample_result(candles, every=60, entry_tags=(NASTY,))])
    return path


@pytest.fixture
def visit(chromium: Browser, report: Path) -> Iterator[Visit]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    yield Visit(page, report)
    page.close()


def test_the_page_opens_without_errors_and_without_a_network(visit: Visit, report: Path) -> None:
    assert visit.complaints == []
    assert visit.requests == [report.as_uri()]


def test_every_chart_is_painted_on_a_canvas(visit: Visit) -> None:
    for plot in (".plot.curves", ".plot.price"):
        wait_for(partial(_is_painted, visit.page, plot))


def _is_painted(page: Page, plot: str) -> bool:
    return any(canvas.evaluate(COLOURS) > 20 for canvas in page.locator(f"{plot} canvas").all())


def test_the_trade_table_sorts_both_ways_on_click(visit: Visit) -> None:
    table = visit.page.locator(".trades")
    column = [h.strip() for h in table.locator("thead th").all_inner_texts()].index("Return")
    heading = table.locator("thead button", has_text="Return")

    def shown() -> list[float]:
        cells = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
        return [float(text.replace("−", "-").rstrip("% ")) for text in cells]

    sorting = table.locator("thead th[aria-sort]")
    heading.click()
    expect(sorting).to_have_attribute("aria-sort", "descending")
    assert shown() == sorted(shown(), reverse=True)
    heading.click()
    expect(sorting).to_have_attribute("aria-sort", "ascending")
    assert shown() == sorted(shown())


def test_more_trades_are_shown_on_request(visit: Visit) -> None:
    rows = visit.page.locator(".trades tbody tr")
    expect(rows).to_have_count(25)
    visit.page.locator(".more button").click()
    expect(rows).to_have_count(225)


def test_a_click_on_a_trade_shows_it_in_the_chart(visit: Visit) -> None:
    visit.page.locator("[data-span=all]").click()
    before = visit.price_range()
    visit.page.locator(".trades tbody button").nth(3).click()
    expect(visit.page.locator(".card:has(.plot.price) .readout")).to_contain_text("Trade 4:")
    start, end = visit.price_range()
    assert end - start < (before[1] - before[0]) / 10


def test_zooming_over_twenty_thousand_candles_is_fluent(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-span=all]").click()
    length = "Number(document.querySelector('.plot.price').dataset.length)"
    page.wait_for_function(f"{length} >= {24 * HOUR}")
    many_ms, few_ms = page.evaluate(ZOOM)
    # Two frames are 33 ms; the rest is drawing, on a slow machine without a graphics card. Where
    # others take the machine, a hundred candles take long, too.
    assert many_ms < max(150, 5 * few_ms)
    page.wait_for_function(f"{length} < {24 * HOUR}")
    page.locator("[data-span='7']").click()
    page.wait_for_function(f"{length} === {HOUR}")
    expect(page.locator(".shown")).to_contain_text("Drawn as 1-hour candles")


def test_the_wheel_scrolls_the_page_and_zooms_with_control(visit: Visit) -> None:
    page = visit.page
    page.locator(".plot.price").scroll_into_view_if_needed()
    box = page.locator(".plot.price").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 150)
    before, top = visit.price_range(), page.evaluate("scrollY")
    page.mouse.wheel(0, 60)
    page.wait_for_function(f"scrollY > {top}")
    assert visit.price_range() == before
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    wait_for(lambda: _size(visit.price_range()) < _size(before))
    page.keyboard.up("Control")


def _size(span: tuple[float, float]) -> float:
    return span[1] - span[0]


def test_hovering_tells_the_candle_under_the_mouse(visit: Visit) -> None:
    page = visit.page
    page.locator(".plot.price").scroll_into_view_if_needed()
    box = page.locator(".plot.price").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    readout = page.locator(".card:has(.plot.price) .readout")
    readout.locator("b", has_text="High").wait_for()
    expect(readout).to_contain_text("slow")


def test_the_symbol_selector_changes_the_chart(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-span=all]").click()
    bitcoin = visit.price_range()
    page.locator("select.symbol").select_option(label="ETHUSDT")
    page.locator("[data-span=all]").click()
    wait_for(lambda: visit.price_range()[0] > bitcoin[0] + 10_000 * HOUR)
    assert visit.complaints == []


def test_buy_and_hold_can_be_hidden(visit: Visit) -> None:
    height = """() => {
        const chart = Bokeh.documents.map((d) => d.get_model_by_name("curves")).find((c) => c);
        return chart.y_range.end / chart.y_range.start;
    }"""
    before = visit.page.evaluate(height)
    visit.page.locator("[data-line=hold]").click()
    wait_for(lambda: visit.page.evaluate(height) < before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_sideways_scrolling(
    chromium: Browser, report: Path, scheme: str
) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    visit = Visit(page, report)
    page.wait_for_function("document.documentElement.scrollWidth === 390")
    body = "getComputedStyle(document.body)"
    ground, ink = (
        sum(int(part) for part in re.findall(r"\d+", page.evaluate(f"{body}.{name}")))
        for name in ("backgroundColor", "color")
    )
    assert (ground < ink) == (scheme == "dark")
    assert visit.complaints == []
    page.close()


def test_several_results_are_drawn_when_their_tab_is_opened(
    chromium: Browser, tmp_path: Path
) -> None:
    candles = [walk("BTCUSDT", 3_000)]
    results = [
        sample_result(candles, strategy=name, every=every)
        for name, every in (("one", 90), ("two", 30), (NASTY, 0))
    ]
    write_report(tmp_path / "several.html", results)
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    visit = Visit(page, tmp_path / "several.html")
    expect(page.locator(".plot.overview canvas").first).to_be_attached()
    for index in (1, 2):
        page.locator(f"[data-tab='{index}']").click()
        page.locator(f"#result-{index} .plot.price[data-ready]").wait_for()
        expect(page.locator(f"#result-{index} .plot.price canvas").first).to_be_visible()
        expect(page.locator("#result-0")).to_be_hidden()
    expect(page.locator("#result-2").get_by_text("No trade was made")).to_be_visible()
    assert visit.complaints == []
    page.close()
