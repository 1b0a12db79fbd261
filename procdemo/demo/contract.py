"""What a module must have to be a demo that the command can run."""

import importlib
from typing import Any, Protocol, cast, runtime_checkable

from procdemo.demo.events import Emitter
from procdemo.demo.settings import DemoSettings


@runtime_checkable
class DemoModule(Protocol):
    """The module of a demo.

    Its docstring is the help of its command. Its sentences (``STORY``, ``DETAIL``, ``LANES``, ``BLOCKS``) are
    read by `procdemo.demo.story.compose`.
    """

    __doc__: str | None
    Config: type[DemoSettings]
    """The settings: a frozen dataclass. Each field has a default, so that ``Config()`` is valid."""

    def run(self, config: Any, emit: Emitter) -> None:
        """Run the demo from its beginning to its end; `config` is a `Config`."""


def load(path: str) -> DemoModule:
    """Import the module of a demo by its dotted name, e.g. ``procdemo.patterns.spawn``."""
    return cast("DemoModule", importlib.import_module(path))
