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
    with server.start() as running:
        for burst in range(1, 5):
            pids = wait_until(lambda: len(running.workers()) == WORKERS and running.workers())
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    kill(pid)
            running.command.wait_event("back-off", nth=burst)
        pauses = [event.data["seconds"] for event in running.command.events if event.name == "back-off"]
        assert pauses[:4] == [0.05, 0.1, 0.2, 0.4], "one line a burst, each pause twice as long"
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
