"""Crawls of small sites, and what became of each page."""

from collections import Counter

from harness import Command
from web import page


def crawl(*args, **options):
    """Return the command, running; it reports JSON and may go to the test's own servers."""
    return Command("crawl-callback", *args, "--allow-private", "--json", **options)


def finished(*args, status=0, within=None, **options):
    """Return the result of a crawl that ended as it should, with every page accounted for."""
    with crawl(*args, **options) as command:
        return assert_accounted(command.finish(within).assert_clean(status))


def assert_accounted(result):
    """Assert that every page queued met exactly one fate."""
    summary = result.summary
    assert summary["produced"] == sum(summary[fate] for fate in ("done", "failed", "lost", "skipped"))
    pages = result.named("page")
    assert len(pages) == summary["produced"]
    assert len({event.data["url"] for event in pages}) == len(pages)
    fates = Counter(event.data["fate"] for event in pages)
    assert all(summary[fate] == fates[fate] for fate in ("done", "failed", "lost", "skipped"))
    bad = {event.data["url"] for event in pages if event.data["fate"] in {"failed", "lost"}}
    assert bad == {event.data["url"] for event in result.named("page failed")}
    return result


def fate_of(result, url):
    """Return what is known of the page `url`."""
    (event,) = [event for event in result.named("page") if event.data["url"] == url]
    return event.data


def hub(count, **more):
    """Return a site with an index and `count` pages."""
    links = [f"/{number}" for number in range(count)]
    return {"/": page("hub", links), **{link: page(f"page {link}", ["/"]) for link in links}, **more}
