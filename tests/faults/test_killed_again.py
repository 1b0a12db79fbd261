"""B4, B5: workers that are killed whenever one is there; starts become rarer, no client is left waiting.

Neither bites on the tutorial's servers: they never start a worker again (B1, B3).
"""

import contextlib
import threading

from processes import kill
from servers import ALL_METHODS, PREFORKED, WORKERS, on_ours
from waiting import wait_until

HONEST = 4


@on_ours(names=PREFORKED, methods=ALL_METHODS)
def test_b4_if_every_worker_is_killed_starts_become_rarer(server):
    bursts = 0
    with server.start() as running:

        def pauses():
            return [event.data["seconds"] for event in running.command.events if event.name == "back-off"]

        def pause_has_doubled():
            """Kill all workers, again; if that comes late they are not young, and no pause follows."""
            nonlocal bursts
            if len(pids := running.workers()) == WORKERS:
                bursts += 1
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        kill(pid)
            told = pauses()
            return any(told[at : at + 4] == [0.05, 0.1, 0.2, 0.4] for at in range(len(told)))

        running.command.wait_for(pause_has_doubled, limit=20, what="four pauses, each twice as long")
        assert len(pauses()) <= bursts, "one line a burst"
        wait_until(lambda: len(running.workers()) == WORKERS)
        running.echo(within=5)
        running.check()


@on_ours(names=PREFORKED, methods=ALL_METHODS)
def test_b5_workers_are_killed_under_honest_clients(server):
    """Each request is answered, or its connection ends; no client waits for ever."""
    with server.start() as running:
        done = threading.Event()
        answered, cut_off, wrong = [], [], []

        def be_honest():
            while not done.is_set():
                try:
                    with running.client() as client:
                        client.send(b"hello")
                        answer, ended = client.receive_up_to(5, 10)
                except AssertionError as error:  # reset while it sent
                    cut_off.append(error)
                    continue
                if answer == b"HELLO":
                    answered.append(answer)
                else:
                    (cut_off if ended else wrong).append(answer)

        clients = [threading.Thread(target=be_honest) for _ in range(HONEST)]
        for client in clients:
            client.start()
        try:
            for number in range(6):
                pids = wait_until(running.workers)
                kill(pids[number % len(pids)])
                running.command.wait_event("exited", nth=number + 1)
        finally:
            done.set()
            for client in clients:
                client.join()
        assert not wrong, "B5: neither an answer nor an end"
        assert answered
        wait_until(lambda: len(running.workers()) == WORKERS)
        running.check()
