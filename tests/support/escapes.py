"""Escape sequences that colour what a terminal shows."""

import re

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
"""Any that sets colour or style."""
COLOURED = re.compile(r"\x1b\[(\d+;)*3\d")
"""One that sets a colour."""
