"""Which pages are known, and one fate for each page."""

import pytest

from procdemo.crawler.frontier import Fate, Frontier


def test_a_page_is_queued_once_and_only_within_the_origins():
    frontier = Frontier(["http://a/", "http://a/", "https://a/"], 100)
    assert list(frontier.waiting) == ["http://a/", "https://a/"]
    assert frontier.add(["http://a/1", "http://a/", "http://b/", "http://a:8080/"], "http://a/") == 1
    assert frontier.outside == 2
    assert frontier.known == frontier.open == 3


def test_no_more_than_the_most():
    frontier = Frontier(["http://a/"], 3)
    assert frontier.add([f"http://a/{n}" for n in range(10)], "http://a/") == 2
    assert frontier.left_out == 8


def test_each_page_has_one_fate():
    frontier = Frontier(["http://a/"], 10)
    frontier.add(["http://a/1", "http://a/2"], "http://a/")
    frontier.add(["http://a/2"], "http://a/1")
    frontier.settle("http://a/", Fate.DONE, 200)
    frontier.settle("http://a/1", Fate.FAILED, 0, "late")
    frontier.settle("http://a/2", Fate.DONE, 404)
    assert frontier.open == 0
    assert frontier.account() == {"produced": 3, "done": 2, "failed": 1, "lost": 0, "skipped": 0}
    (broken,) = frontier.broken()
    assert broken == {"link": "http://a/2", "status": 404, "on_page": "http://a/", "links": 2}
    assert frontier.starts_without_page() == []
    with pytest.raises(ValueError, match="was failed already"):
        frontier.settle("http://a/1", Fate.DONE, 200)


def test_a_busy_server_is_no_broken_link():
    frontier = Frontier(["http://a/", "http://a/1"], 10)
    frontier.settle("http://a/", Fate.FAILED, 429, "busy")
    frontier.settle("http://a/1", Fate.FAILED, 503, "busy")
    assert frontier.broken() == []
    assert [why for _, why in frontier.starts_without_page()] == ["busy", "busy"]
