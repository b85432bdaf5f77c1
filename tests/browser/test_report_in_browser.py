"""The report as a reader sees it: a real Chromium opens the file without a network."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from tests.results import sample_result, walk

from leeward.report.html import write_report

HOUR = 3_600_000
NASTY = "<img src=x onerror=alert(1)>"
RANGE = """() => {
    const chart = Bokeh.documents.map((d) => d.get_model_by_name("price")).find((c) => c);
    return [chart.x_range.start, chart.x_range.end];
}"""
ZOOM = """async () => {
    const chart = Bokeh.documents.map((d) => d.get_model_by_name("price")).find((c) => c);
    const range = chart.x_range, times = [];
    for (let i = 0; i < 40; i++) {
        const begun = performance.now(), size = range.end - range.start;
        range.setv({ start: range.start + size * 0.05, end: range.end - size * 0.05 });
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        times.push(performance.now() - begun);
    }
    return times;
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
        canvases = visit.page.locator(f"{plot} canvas").all()
        assert max(canvas.evaluate(COLOURS) for canvas in canvases) > 20


def test_the_trade_table_sorts_both_ways_on_click(visit: Visit) -> None:
    table = visit.page.locator(".trades")
    column = [h.strip() for h in table.locator("thead th").all_inner_texts()].index("Return")
    heading = table.locator("thead button", has_text="Return")

    def shown() -> list[float]:
        cells = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
        return [float(text.replace("−", "-").rstrip("% ")) for text in cells]

    heading.click()
    assert shown() == sorted(shown(), reverse=True)
    heading.click()
    assert shown() == sorted(shown())
    assert table.locator("thead th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_more_trades_are_shown_on_request(visit: Visit) -> None:
    rows = visit.page.locator(".trades tbody tr")
    assert rows.count() == 25
    visit.page.locator(".more button").click()
    assert rows.count() == 225


def test_a_click_on_a_trade_shows_it_in_the_chart(visit: Visit) -> None:
    visit.page.locator("[data-span=all]").click()
    before = visit.price_range()
    visit.page.locator(".trades tbody button").nth(3).click()
    start, end = visit.price_range()
    assert end - start < (before[1] - before[0]) / 10
    assert "Trade 4:" in visit.page.locator(".card:has(.plot.price) .readout").inner_text()


def test_zooming_over_twenty_thousand_candles_is_fluent(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-span=all]").click()
    page.wait_for_timeout(100)
    plot = page.locator(".plot.price")
    assert int(plot.get_attribute("data-length") or 0) >= 24 * HOUR
    times = page.evaluate(ZOOM)
    # Two frames are 33 ms; the rest is drawing, on a slow machine without a graphics card.
    assert statistics.median(times) < 150
    assert int(plot.get_attribute("data-length") or 0) < 24 * HOUR
    page.locator("[data-span='7']").click()
    page.wait_for_timeout(100)
    assert plot.get_attribute("data-length") == str(HOUR)
    assert "Drawn as 1-hour candles" in page.locator(".shown").inner_text()


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
    page.wait_for_timeout(300)
    page.keyboard.up("Control")
    start, end = visit.price_range()
    assert end - start < before[1] - before[0]


def test_hovering_tells_the_candle_under_the_mouse(visit: Visit) -> None:
    page = visit.page
    page.locator(".plot.price").scroll_into_view_if_needed()
    box = page.locator(".plot.price").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    readout = page.locator(".card:has(.plot.price) .readout")
    readout.locator("b", has_text="High").wait_for()
    assert "slow" in readout.inner_text()


def test_the_symbol_selector_changes_the_chart(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-span=all]").click()
    bitcoin = visit.price_range()
    page.locator("select.symbol").select_option(label="ETHUSDT")
    page.locator("[data-span=all]").click()
    ether = visit.price_range()
    assert ether[0] > bitcoin[0] + 10_000 * HOUR
    assert visit.complaints == []


def test_buy_and_hold_can_be_hidden(visit: Visit) -> None:
    height = """() => {
        const chart = Bokeh.documents.map((d) => d.get_model_by_name("curves")).find((c) => c);
        return chart.y_range.end / chart.y_range.start;
    }"""
    before = visit.page.evaluate(height)
    visit.page.locator("[data-line=hold]").click()
    visit.page.wait_for_timeout(100)
    assert visit.page.evaluate(height) < before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_sideways_scrolling(
    chromium: Browser, report: Path, scheme: str
) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    visit = Visit(page, report)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
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
    assert page.locator(".plot.overview canvas").count() > 0
    for index in (1, 2):
        page.locator(f"[data-tab='{index}']").click()
        page.locator(f"#result-{index} .plot.price[data-ready]").wait_for()
        assert page.locator(f"#result-{index} .plot.price canvas").first.is_visible()
        assert not page.locator("#result-0").is_visible()
    assert page.locator("#result-2").get_by_text("No trade was made").is_visible()
    assert visit.complaints == []
    page.close()
