"""robots.txt, and what it forbids (RFC 9309)."""

from collections.abc import Callable
from http import HTTPStatus

from protego import Protego

from procdemo.crawler.encoding import without_mark
from procdemo.crawler.exchange import AGENT, BUSY, Answer, NoPageError
from procdemo.crawler.origin import Origin

MAX_BYTES = 500 << 10
"""Bytes of a robots.txt that are read: "at least 500 kibibytes" (RFC 9309, 2.5)."""


def obey_robots(origin: Origin, url: str, download: Callable[[str], Answer]) -> None:
    """Check that the robots.txt of `origin` allows `url`; it is fetched once in each process.

    If there is none (4xx), all is allowed; if it cannot be had, all is forbidden (RFC 9309, 2.3.1).

    Args:
        origin: where `url` is.
        url: the page to fetch.
        download: called with the URL of the robots.txt; follows redirects, raises NoPageError.

    Raises:
        NoPageError: the page is forbidden.
    """
    if origin.rules is None:
        try:
            answer = download(f"{origin.name}/robots.txt")
        except NoPageError as error:
            raise NoPageError(f"robots.txt, so nothing may be fetched: {error}") from None
        if answer.status in BUSY:
            why = f"robots.txt has status {answer.status}, so nothing may be fetched yet"
            raise NoPageError(why, answer.status, retry_after=answer.retry_after)
        if 400 <= answer.status < 500:  # noqa: PLR2004 - HTTP's "client error"
            text = ""
        elif answer.status == HTTPStatus.OK:
            text = without_mark(answer.body[:MAX_BYTES])
        else:
            raise NoPageError(f"robots.txt has status {answer.status}, so nothing may be fetched")
        origin.rules = Protego.parse(text)
    if not origin.rules.can_fetch(url, AGENT):
        raise NoPageError("forbidden by robots.txt", skip="forbidden")
