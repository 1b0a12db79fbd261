"""What stands above a run: the demo and its summary and, with ``-v``, on which Python and how it is run."""

from collections.abc import Iterator

from procdemo.demo.events import Event
from procdemo.demo.text import printable
from procdemo.render.sentences import as_option, filled

_CHECK = "to see for yourself: ps -o pid,ppid,stat,wchan:20,args -p $(pgrep -d, -g {pid})"


def title(meta: Event) -> str:
    """Return the first line of a run that begins with `meta`."""
    return filled("{command}: {summary}", meta)


def details(meta: Event) -> Iterator[str]:
    """Yield the other lines, which are for ``-v``."""
    limit = " ({cpus_limit})" if meta.data.get("cpus_limit") else ""
    yield filled("python {python}, start method {start_method}, {cpus} usable CPUs" + limit, meta)
    yield filled("main process {pid}, watched from outside by {observer}", meta)
    if meta.data.get("sampled"):
        yield filled(_CHECK, meta)
    chosen = {key: value for key, value in meta.data.get("chosen", {}).items() if key != "verbose"}
    if chosen:
        yield printable(f"with {', '.join(as_option(key, value) for key, value in chosen.items())}")
