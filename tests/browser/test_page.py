"""The page of a real run in a real browser: what it draws, what it asks for, what it answers."""

import re

import pytest

DEMOS = {
    "prodcons": "--items 12 --work 0.01",
    "pool-server": "--port 0 --workers 2 --clients 3 --stay 0.05",
    "crawl-callback": "--max-pages 5",
}
RUNS = "31 95 168"
STATES = {RUNS, "204 211 221", "251 176 64", "154 163 176"}  # who is blocked has a hatching, too


@pytest.fixture(params=DEMOS)
def record(request, recorded):
    return recorded(request.param, *DEMOS[request.param].split())


def test_every_process_has_a_lane_and_nobody_is_asked(window, record):
    window.show(record.page)
    shown = {lane["pid"]: lane["role"] for lane in window.page.evaluate("run.lanes")}
    assert shown == record.roles
    drawn = [window.colours(row) & STATES for row in range(len(shown))]
    assert all(drawn)
    assert RUNS in set.union(*drawn)
    assert len(set.union(*drawn)) > 1
    assert not window.colours(len(shown)) & STATES, "there is no lane more"
    assert window.requests == [record.page.as_uri()]
    assert window.complaints == []


def test_the_legend_says_what_is_there(window, record):
    window.show(record.page)
    told = window.page.locator("#legend li:visible").all_inner_texts()
    seen = window.page.evaluate(
        "run.lanes.flatMap((lane) => lane.changes.map(([, what]) => run.states[what][1]))"
    )
    assert told[: len(set(seen))] == [
        meaning for _, meaning in window.page.evaluate("run.states") if meaning in seen
    ]
    assert ("sent by one, received by another" in told) == any(
        event.kind == "send" for event in record.events
    )


def test_the_summary_is_in_a_table(window, record):
    window.show(record.page)
    table = window.page.locator("table").last
    assert table.locator("caption").inner_text() == "summary"
    shown = dict(
        zip(table.locator("th").all_inner_texts(), table.locator("td").all_inner_texts(), strict=True)
    )
    summary = record.events[-1].data
    assert list(shown) == [key.replace("_", " ") for key in summary]
    for key, value in summary.items():
        cell = shown[key.replace("_", " ")]
        if isinstance(value, bool):
            assert cell == str(value).lower()
        elif isinstance(value, int | float):
            assert float(cell) == pytest.approx(value, rel=1e-3)


def test_tips_say_what_the_mouse_is_on(window, recorded):
    record = recorded("prodcons", *DEMOS["prodcons"].split())
    window.show(record.page)
    row, lane = next(
        (row, lane)
        for row, lane in enumerate(window.page.evaluate("run.lanes"))
        if lane["role"] == "consumer-0"
    )
    kinds = window.page.evaluate("run.kinds")
    eats = [bar for bar in lane["bars"] if kinds[bar[2]][0] == "eats"]
    begin, end, _, bun = max(eats, key=lambda bar: bar[1] - bar[0])
    window.point_at((begin + end) / 2, row + 0.2)
    assert re.match(
        rf"consumer-0 \(PID {lane['pid']}\)\neats: [\d.]+ ms, from [\d.]+ ms\nid: {bun}$", window.tip()
    )
    window.point_at((begin + end) / 2, row - 0.2)
    window.page.wait_for_function("() => document.getElementById('tip').innerText.includes('runs')")
    window.point_at(begin, len(record.roles) + 1)
    window.page.wait_for_function("() => document.getElementById('tip').innerText.startsWith('in the queue')")
    window.page.mouse.move(1, 1)
    window.page.wait_for_selector("#tip", state="hidden")


def test_wheel_and_keys_zoom_lanes_and_counters_together(window, recorded):
    window.show(recorded("prodcons", *DEMOS["prodcons"].split()).page)
    whole = window.window_of_zoom()
    assert len(whole) == 2
    assert whole[0] == whole[1]

    def zoomed(condition):
        window.page.wait_for_function(f"() => {condition}")
        lanes, counter = window.window_of_zoom()
        assert lanes == counter
        return lanes[1] - lanes[0]

    share = "(picture.getOption().dataZoom[0].end - picture.getOption().dataZoom[0].start)"
    window.point_at(whole[0][1] / 2, 1)
    window.page.mouse.wheel(0, -300)
    closer = zoomed(f"{share} < 99")
    assert closer < whole[0][1]
    window.page.focus("#chart")
    window.page.keyboard.press("+")
    closest = zoomed(f"{share} < 60")
    assert closest < closer
    window.page.keyboard.press("ArrowLeft")
    assert zoomed("true") == pytest.approx(closest, rel=1e-3)
    window.page.keyboard.press("0")
    assert zoomed(f"{share} === 100") == pytest.approx(whole[0][1])
    assert window.complaints == []


def test_it_prints(window, record):
    window.show(record.page)
    on_screen = window.page.evaluate("document.querySelector('#chart canvas').clientWidth")
    window.page.emulate_media(media="print")
    window.page.wait_for_function("() => document.querySelector('#chart canvas').clientWidth <= 960")
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    printed = window.page.pdf(prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type */Page\b", printed)) <= 4
    # The chart and the swatches of the legend are images in it.
    assert re.findall(rb"/Subtype */Image", printed)
    assert max(int(width) for width in re.findall(rb"/Width (\d+)", printed)) >= 960
    window.page.emulate_media(media="screen")
    window.page.wait_for_function(
        f"() => document.querySelector('#chart canvas').clientWidth === {on_screen}"
    )


def test_ten_thousand_items(window, recorded):
    record = recorded("prodcons", "--items", "10000", "--work", "0", "-v")
    assert record.page.stat().st_size < 3_000_000
    window.show(record.page)
    for row in range(5):
        assert window.colours(row) & STATES
    assert "arrows: zoom in" in window.page.locator("#arrows").inner_text()
    assert window.complaints == []
