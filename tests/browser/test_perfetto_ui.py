"""The trace of a real run, opened in the Perfetto UI, without a network."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

DEMOS = {
    "prodcons": "--items 12 --work 0.01",
    "pool-server": "--port 0 --workers 1 --clients 3 --stay 0.05",
    "crawl-callback": "--max-pages 5",
    "supervise": "--items 30 --work 0.05 --kill worker-0@0.3",
}
ORIGIN = "http://127.0.0.1"  # nobody listens: each request is answered here, or fails
QUERY = """async (query) => {
  const answer = await app.trace.engine.query(query);
  const rows = [];
  for (const row = answer.iter({}); row.valid(); row.next()) {
    rows.push(answer.columns().map((name) => String(row.get(name))));
  }
  return rows;
}"""


def serve(context, folder: Path, trace: Path) -> None:
    """Answer as the server does that this UI comes with; there is nobody else."""

    def answer(route):
        url = urlsplit(route.request.url)
        file = trace if url.path == "/localtrace" else folder / (url.path[1:] or "index.html")
        if f"{url.scheme}://{url.netloc}" != ORIGIN:
            route.abort()
        elif url.path in {"/vizviewer_info", "/file_info"}:
            route.fulfill(json={})
        elif file.is_file():
            route.fulfill(path=file)
        else:
            route.fulfill(status=404)

    context.route("**/*", answer)


@pytest.mark.parametrize("name", DEMOS)
def test_perfetto_reads_all_of_it(name, window, perfetto, recorded):
    record = recorded(name, *DEMOS[name].split())
    serve(window.context, perfetto, record.trace)
    window.page.goto(f"{ORIGIN}/")
    window.page.wait_for_function("() => window.app?.trace?.engine")

    def ask(query):
        return window.page.evaluate(QUERY, query)

    assert ask("select name, value from stats where severity != 'info' and value > 0") == []
    names = {int(pid): role for pid, role in ask("select pid, name from process where pid > 0")}
    assert names == {event.pid: event.role for event in record.events}
    rows = json.loads(record.trace.read_text("utf-8"))["traceEvents"]
    arrows = sum(row["ph"] == "s" for row in rows)
    assert ask("select count(*) from flow") == [[str(arrows)]]
    assert arrows or name not in {"prodcons", "supervise"}
    strokes = sum(row["ph"] in {"X", "i", "b"} for row in rows)
    assert ask("select count(*) from slice") == [[str(strokes)]]
    counters = {row["name"] for row in rows if row["ph"] == "C"}
    assert len(ask("select name from counter_track")) == len(counters)
    for role in set(record.roles.values()):
        window.page.get_by_text(role).first.wait_for()
