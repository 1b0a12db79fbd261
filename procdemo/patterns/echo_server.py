"""A process per connection, answering in upper case.

What to watch:
  - each client gets a PID of its own, and all are served at once
  - main closes its copy of each connection; if it did not, the client would
    never see the end
  - main reaps each child when it ends; if it did not, zombies would pile up
  - if a child is killed, only its client is cut off

\b
  client-0 --connect--> main --Process(serve, conn)--> handler-0
  client-1 --connect--> main --Process(serve, conn)--> handler-1

\b
Try:
  procdemo echo-server --port 0 --clients 3
  procdemo echo-server --port 8080
  procdemo echo-client --port 8080        (in another terminal)

Compare with: pool-server, which makes its processes once.
"""

from dataclasses import dataclass

from procdemo.demo.events import Emitter
from procdemo.demo.states import Activity
from procdemo.process import exit_status
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.servers import handler, scripted_clients
from procdemo.servers.handler import serve
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler, exit_status)
STORY = {
    "serve.begin": "serves {client}",
    "died": "{child} (PID {child_pid}) was {cause}: its client is cut off, and no other",
    "killed": "{child} (PID {child_pid}) did not finish in time: main has killed it",
    "draining": "no new clients; {children} may finish within {grace} s",
    "counts": "{served} clients served, {refused} refused, {cut_off} cut off; at most {most} at once",
    "summary": "Each client had a process of its own, so no client waited.",
}
LANES = {"@main": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""


def run(config: Config, emit: Emitter) -> None:
    """Accept; start a process for each connection, close our copy of it; drain at the end."""
    context = config.context()
    served = cut_off = most = 0

    def on_exit(handler: Exit) -> None:
        nonlocal served, cut_off
        report_exit(emit, handler)
        if handler.exitcode == 0:
            served += 1
        else:
            cut_off += 1

    with StoppableLoop() as loop, Listener(config, emit) as listener:
        handlers = Children(loop, on_exit)
        listener.announce()
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit)
        for conn, client in listener.arrivals(loop, connected=lambda: len(handlers)):
            number = served + cut_off + len(handlers)
            child = context.Process(target=serve, args=(conn, client, config, emit), name=f"handler-{number}")
            try:
                handlers.start(child)
            except OSError as error:  # too many processes or descriptors, or no memory
                listener.refuse(conn, client, error)
                continue
            conn.close()
            most = max(most, len(handlers))
        if handlers:
            emit.mark("draining", children=len(handlers), grace=config.grace)
        handlers.stop(config.grace)
        clients.stop(config.grace)
    clients.sum_up(served=served, refused=listener.refused, cut_off=cut_off, most=most)
