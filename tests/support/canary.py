"""An object that shows that it was unpickled."""

import os
from pathlib import Path


class Canary:
    """If it is unpickled, the directory `path` is made."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)
