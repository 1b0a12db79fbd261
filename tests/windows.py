"""A browser's window that looks at pictures of a run, and what was recorded of the same run."""

import json
from pathlib import Path
from typing import Any

from procdemo.events import Event, Kind

# The colours along a line through the middle of a lane's state.
_COLOURS = """(row) => {
  const [left, right] = [0, run.us].map((us) => picture.convertToPixel({ xAxisIndex: 0 }, us));
  const y = picture.convertToPixel({ yAxisIndex: 0 }, 0) + (row - 0.2) * ROW;
  const drawn = document.querySelector("#chart canvas");
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [right - left, 1];
  const pen = copy.getContext("2d", { willReadFrequently: true });
  const ratio = drawn.width / drawn.clientWidth;
  pen.drawImage(drawn, left * ratio, y * ratio, copy.width * ratio, 1, 0, 0, copy.width, 1);
  const { data } = pen.getImageData(0, 0, copy.width, 1);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4) found.add(data.slice(at, at + 3).join(" "));
  return [...found];
}"""


class Record:
    """What is kept of one run."""

    def __init__(self, folder: Path) -> None:
        self.page, self.trace, self._log = folder / "run.html", folder / "run.json", folder / "run.jsonl"
        self.options = ["-o", str(self.page), "-o", str(self.trace), "--record", str(self._log)]
        """What the command must be told."""

    @property
    def events(self) -> list[Event]:
        """All that happened."""
        return [Event(**json.loads(line)) for line in self._log.read_text("utf-8").splitlines()]

    @property
    def roles(self) -> dict[int, str]:
        """The processes that told of themselves, by PID."""
        told = [event for event in self.events if event.kind != Kind.RESULT and event.role != "observer"]
        return {event.pid: event.role for event in told}


class Window:
    """A window, and all that it asked for and complained of."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))

    def show(self, file: Path) -> None:
        """Open a page of ours, and wait until it has drawn."""
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("body[data-drawn]")
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def colours(self, row: int) -> set[str]:
        """Return the colours of a lane's states as they are on the canvas: red, green, blue."""
        return set(self.page.evaluate(_COLOURS, row))

    def point_at(self, us: float, row: float) -> None:
        """Move the mouse to a time, and to a lane: 0.2 above its middle is the state, 0.2 below the bars."""
        where = """([us, row]) => {
          const { left, top } = chart.getBoundingClientRect();
          const y = picture.convertToPixel({ yAxisIndex: 0 }, 0) + row * ROW;
          return [left + picture.convertToPixel({ xAxisIndex: 0 }, us), top + y];
        }"""
        self.page.mouse.move(*self.page.evaluate(where, [us, row]))

    def tip(self) -> str:
        """Return the tip, waiting for it."""
        return self.page.wait_for_selector("#tip:not([hidden])").inner_text()

    def window_of_zoom(self) -> list[list[float]]:
        """Return what each chart shows, the lanes first: from where to where, in microseconds."""
        return self.page.evaluate(
            "() => xAxes.map((_, at) => picture.getModel().getComponent('xAxis', at).axis.scale.getExtent())"
        )
