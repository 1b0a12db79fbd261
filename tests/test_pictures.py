"""The pictures of the documents can be made again, and one of them moves."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.thorough
def test_make_pictures(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "pictures.py", tmp_path], check=True)
    named = set(re.findall(r"\(([a-z-]+\.svg)\)", (ROOT / "docs" / "reference.md").read_text("utf-8")))
    made = {path.name for path in tmp_path.iterdir()}
    curves = {"growth.svg"}  # of make measure
    assert named == made == {path.name for path in (ROOT / "docs").glob("*.svg")} - curves
    comes: dict[float, tuple[str, float]] = {}
    root = ET.parse(tmp_path / "moving.svg").getroot()
    for text in root.iter(f"{SVG}text"):
        if (animation := text.find(f"{SVG}animate")) is not None:
            at = float(animation.get("keyTimes").split(";")[1]) * float(animation.get("dur").rstrip("s"))
            line, _ = comes.get(y := float(text.get("y")), ("", 0))
            comes[y] = line + (text.text or "").replace("\xa0", " "), at
    lines = [comes[y] for y in sorted(comes)]
    times = [(float(found[1]), at) for line, at in lines if (found := re.match(r" *(\d+\.\d+)s ", line))]
    assert len(times) > 5
    assert [at for _, at in times] == sorted(at for _, at in times)
    assert all(abs(at - 8 * second) < 0.01 for second, at in times)
    last = times[-1][1]
    assert [at for line, at in lines if line.startswith(("produced", "ok:"))] == [last, last]
    (curtain,) = [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}animate") is not None]
    assert curtain.find(f"{SVG}animate").get("attributeName") == "x"
