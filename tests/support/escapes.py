"""Escape sequences that colour what a terminal shows."""

import re

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
"""A sequence that sets a colour or a style."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Any control sequence: also one that moves the cursor, or clears a line."""
COLOURED = re.compile(r"\x1b\[(\d+;)*3\d[0-9;]*m")
"""A sequence that sets a colour."""
