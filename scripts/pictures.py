"""Make the pictures of the documents from real runs, in docs/ or in another folder (make pictures)."""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from procdemo.render.palette import LOOKS

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = {
    "prodcons": "prodcons --items 8 --consumers 1 --maxsize 2 --work 0.1",
    "pool-server": "pool-server --port 0 --workers 2 --clients 3",
    "crawl-callback": "crawl-callback --workers 2",
    "race": "race --schedule AABBBA --pause 0.1",
}
MOVING = "prodcons"
SLOWER = 8
"""How many times longer than the run its moving picture takes."""

HOLD_S = 4.0
"""How long the end of a moving picture is held before it begins again."""

SVG = "http://www.w3.org/2000/svg"
_CELL, _LINE = 12.2, 24.4  # width and height of a character in the picture
_TIME = re.compile(r"^ *(\d+\.\d{3})s ")
_GLYPHS = "".join(look.glyph for look in LOOKS.values()).replace(" ", "")
_LANE = re.compile(rf"^\S+ +\d+ .*[{_GLYPHS}]")
_LEGEND = re.compile(rf"^[{_GLYPHS}] (?:{'|'.join(LOOKS)})(?:  |$)")


def procdemo(*args: str) -> None:
    """Run a procdemo command to its end."""
    subprocess.run([sys.executable, "-m", "procdemo", *args], check=True, stdout=subprocess.DEVNULL)


def moving(still: Path) -> str:
    """Return the picture of a screen as a moving one: each line appears at its time, the lanes grow."""
    ET.register_namespace("", SVG)
    root = ET.parse(still).getroot()  # noqa: S314 - we have just drawn it
    rows: dict[float, list[ET.Element]] = {}
    for text in root.iter(f"{{{SVG}}}text"):
        if text.get("clip-path"):
            rows.setdefault(float(text.get("y", 0)), []).append(text)
    lines = {y: "".join(t.text or "" for t in rows[y]).replace("\xa0", " ") for y in sorted(rows)}
    times = [float(found[1]) for line in lines.values() if (found := _TIME.match(line))]
    run_s = max(times) * SLOWER
    top = next(y for y, line in lines.items() if _LANE.match(line))
    legend = next(y for y, line in lines.items() if _LEGEND.match(line))
    now = 0.0
    for y, line in lines.items():
        if found := _TIME.match(line):
            now = float(found[1]) * SLOWER
        if y < top or y > legend:  # lanes, axis and legend are there from the start
            now = run_s if y > legend else now
            for text in rows[y]:
                _animate(text, "opacity", ["0", "1", "1"], [0, now, run_s + HOLD_S], "discrete")
    matrix = next(group for group in root.iter(f"{{{SVG}}}g") if "matrix" in group.get("class", ""))
    matrix.append(_curtain(top, legend - _LINE, run_s))
    return ET.tostring(root, encoding="unicode")


def _curtain(top: float, bottom: float, run_s: float) -> ET.Element:
    """Return a rectangle that covers the lanes, and moves to the right while the run goes on."""
    left, right = 21 * _CELL + 8, 101 * _CELL  # of the cells, after roles and PIDs
    area = {"y": f"{top - 20}", "width": f"{right}", "height": f"{bottom - top + 3}", "fill": "#292929"}
    curtain = ET.Element(f"{{{SVG}}}rect", {"x": f"{right}", **area})
    _animate(curtain, "x", [f"{left}", f"{right}", f"{right}"], [0, run_s, run_s + HOLD_S], "linear")
    return curtain


def _animate(element: ET.Element, what: str, values: list[str], times: list[float], mode: str) -> None:
    whole = times[-1]
    ET.SubElement(
        element,
        f"{{{SVG}}}animate",
        attributeName=what,
        values=";".join(values),
        keyTimes=";".join(f"{time / whole:.4f}" for time in times),
        calcMode=mode,
        dur=f"{whole:.2f}s",
        repeatCount="indefinite",
    )


def main() -> None:
    """Run each demo once, and write its picture; make one of them move."""
    docs = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, command in PICTURES.items():
        procdemo(*command.split(), "-o", str(docs / f"{name}.svg"), "--force")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "run.svg"
        procdemo(*PICTURES[MOVING].split(), "-o", str(kept))
        (docs / "moving.svg").write_text(moving(kept), "utf-8")


if __name__ == "__main__":
    main()
