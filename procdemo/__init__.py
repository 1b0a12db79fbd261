"""See Python's process patterns run: real processes, real sockets, real failures."""

__version__ = "0.2.0"
