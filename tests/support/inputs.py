"""The inputs of the security checklist that send commands to a terminal, and the text to be shown instead."""

MIB = 1 << 20
STEERING = {
    "title, BEL": (b"\x1b]0;PWN\x07", r"\x1b]0;PWN\x07"),
    "title, ST": (b"\x1b]0;PWN\x1b\\", r"\x1b]0;PWN\x1b" + "\\"),
    "clipboard": (b"\x1b]52;c;ZWNobyBoaQ==\x07", r"\x1b]52;c;ZWNobyBoaQ==\x07"),
    "link": (
        b"\x1b]8;;file:///etc/passwd\x1b\\ok\x1b]8;;\x1b\\",
        r"\x1b]8;;file:///etc/passwd\x1b" + "\\ok" + r"\x1b]8;;\x1b" + "\\",
    ),
    "clear": (b"\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
    "lines above": (b"\x1b[10A\x1b[2K", r"\x1b[10A\x1b[2K"),
    "report": (b"\x1b[6n", r"\x1b[6n"),
    "reset": (b"\x1bc", r"\x1bc"),
    "device control": (b"\x1bPq\x1b\\", r"\x1bPq\x1b" + "\\"),
    "unterminated": (b"\x1b]", r"\x1b]"),
    "C1 in UTF-8": (b"\xc2\x9b31m", r"\x9b31m"),
    "C1 raw": (b"\x9b31m", r"\x9b31m"),
    "right to left": ("\u202egnp.exe".encode(), r"\u202egnp.exe"),
    "isolate": ("\u2066".encode(), r"\u2066"),
    "zero width": ("\u200b".encode(), r"\u200b"),
    "byte order mark": ("\ufeff".encode(), r"\ufeff"),
    "NUL": (b"\x00", r"\x00"),
    "backspace": (b"\x08", r"\x08"),
    "vertical tab": (b"\x0b", r"\x0b"),
    "form feed": (b"\x0c", r"\x0c"),
    "DEL": (b"\x7f", r"\x7f"),
    "carriage return": (b"a\rb", r"a\rb"),
    "lone surrogate": (b"\xff", r"\xff"),
}
"""Name: the bytes, and the characters that are shown for them."""

LITERAL = {
    "end of all": "[/]",
    "end of none": "[/foo]",
    "bold": "[bold]",
    "markup link": "[link=file:///etc/passwd]x[/link]",
    "action": "[@click=app.bell]x[/]",
    "emoji": ":skull:",
    "backslash": "\\",
    "backslash at the end": "a\\",
}
"""Name: what Rich or Textual would interpret, and must be shown as it is."""

LONG = {
    "2,000 brackets": b"[" * 2_000,
    "a mebibyte on one line": b"x" * MIB,
    "10,000 accents": ("e" + "\u0301" * 10_000).encode(),
}
"""Name: a text that is too long; it is cut, and the missing characters are counted."""

SHORT = STEERING | {name: (text.encode(), text) for name, text in LITERAL.items()}
ALL = {name: said for name, (said, _) in SHORT.items()} | LONG


def assert_shown(told: str, names: dict[str, tuple[bytes, str]] = SHORT) -> None:
    """Each of `names` can be seen in `told`, and nothing that cannot be seen is in it."""
    missing = {name: shown for name, (_, shown) in names.items() if shown not in told}
    assert not missing, f"not shown: {missing}\n{told[-5000:]}"
    invisible = {c for c in told if not c.isprintable()} - {"\n"}
    assert not invisible, f"O12: {invisible}"


def as_argument(said: bytes) -> bytes:
    """Return as much of it as the system takes in an argument: no NUL, at most 128 KiB."""
    return said.replace(b"\x00", b"")[:100_000]


AS_TEXT = {name: shown for name, (_, shown) in SHORT.items()} | {
    "C1 raw": r"\udc9b31m",  # as arguments and file names have it: surrogateescape
    "lone surrogate": r"\udcff",
}
"""Name: what is shown for it if it comes as a str."""


def as_text(said: bytes) -> str:
    """Return it as Python reads arguments and file names."""
    return said.decode("utf-8", "surrogateescape")
