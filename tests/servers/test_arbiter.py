"""The arbiter: if workers cannot work, the service ends; a worker that hangs, in C too, is replaced."""

import os
import signal
import socket
from dataclasses import dataclass

import pytest

from procdemo.demo.events import EXITED, Emitter
from procdemo.demo.settings import StartMethod
from procdemo.runtime.runner import Runner
from procdemo.servers.arbiter import Arbiter, PreforkSettings
from procdemo.servers.shared_listener import SharedListener
from procdemo.servers.stoppable_loop import StoppableLoop


def keep(work, config, emit):
    """Be the main process of a server whose workers do `work`."""
    with StoppableLoop() as loop, SharedListener(config, emit) as listener:
        arbiter = Arbiter(loop, listener, work, config, emit)
        arbiter.boot()
        arbiter.run()
        arbiter.drain(config.grace)
    emit.result("summary", **arbiter.account())


def fail(listener, config, slot, emit):
    """Be a worker that cannot even begin."""
    os._exit(3)


def hang_in_c(listener, config, slot, emit):
    """Be a worker that is ready and hangs, with the interpreter's lock; its replacement is fine."""
    slot.ready()
    if os.path.exists(config.word):
        wait(slot)
        return
    open(config.word, "w").close()
    sum(range(10**12))


def wait(slot):
    """Live until the server closes."""
    while not slot.scoreboard.closing:
        slot.heartbeat()
        signal.sigtimedwait([signal.SIGUSR1], 0.01)


def wait_for_the_end(listener, config, slot, emit):
    """Be a worker without clients."""
    emit.mark("ready")
    slot.ready()
    wait(slot)


def fail_later(listener, config, slot, emit):
    """Be a worker that is fine the first time, and fails when it is started again."""
    if os.path.exists(config.word):
        os._exit(3)
    emit.mark("ready")
    slot.ready()
    wait(slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PreforkSettings):
    """A file that tells a worker how it is to behave."""

    word: str = ""


def keep_failing(config, emit):
    keep(fail, config, emit)


def keep_hanging(config, emit):
    keep(hang_in_c, config, emit)


def keep_trying(config, emit):
    keep(fail_later, config, emit)


def keep_waiting(config, emit):
    keep(wait_for_the_end, config, emit)


def settings(method, **others):
    return Config(start_method=StartMethod(method), port=0, workers=2, **others)


def test_workers_that_fail_before_they_accept_end_the_service(start_method):
    with Runner(keep_failing, settings(start_method), limit=30) as runner:
        events = list(runner)
    assert not [event for event in events if event.name == "listening"]
    summary = events[-1].data
    assert summary["ok"] is False
    assert "failed before it could accept: exit status 3" in summary["reason"]


def test_a_worker_that_fails_later_is_tried_again_and_again(start_method, tmp_path):
    ready, pauses, doubled = [], [], [0.05, 0.1, 0.2, 0.4]
    word = tmp_path / "word"
    with Runner(keep_trying, settings(start_method, word=str(word)), limit=50) as runner:
        for event in runner:
            if event.name == "ready":
                ready.append(event.pid)
            elif event.name == "listening":
                word.touch()
                os.kill(ready[0], signal.SIGKILL)
            elif event.name == "back-off":
                pauses.append(event.data["seconds"])
                if pauses[-4:] == doubled:  # one that is slow to fail, on a busy machine, has not died young
                    word.unlink(missing_ok=True)
            elif event.name == "takes over":
                runner.stop()
    assert doubled in [pauses[place : place + 4] for place in range(len(pauses))]
    assert event.data["ok"] is True


def test_a_worker_that_hangs_in_c_is_replaced(start_method, tmp_path):
    missed, killed = set(), False
    with Runner(
        keep_hanging, settings(start_method, heartbeat=0.8, word=str(tmp_path / "word")), limit=30
    ) as runner:
        for event in runner:
            assert event.name != "error", event.data
            if event.name == "no pulse":
                missed.add(event.data["worker_pid"])
            elif event.name == EXITED and event.data["child_pid"] in missed:
                assert event.data["cause"] == "killed by SIGKILL"
                assert event.data["by"] == "main"
                killed = True
            elif event.name == "takes over":
                runner.stop()
    assert killed
    assert event.data["ok"] is True


def test_after_a_worker_that_died_young_there_is_a_pause(start_method):
    ready = []
    with Runner(keep_waiting, settings(start_method), limit=30) as runner:
        for event in runner:
            if event.name == "ready":
                ready.append(event.pid)
            elif event.name == "listening":
                os.kill(ready[0], signal.SIGKILL)
            elif event.name == "back-off":
                assert event.data["seconds"] == 0.05
            elif event.name == "takes over":
                runner.stop()
    assert event.data == {"ok": True, "served": 0, "refused": 0, "cut_off": 0, "workers": 3}


def test_only_workers_get_the_listener():
    with SharedListener(settings("fork"), Emitter([].append)) as listener:

        def is_open_in_a_child():
            pid = os.fork()
            if pid == 0:
                try:
                    os.fstat(fd)
                except OSError:
                    os._exit(1)
                os._exit(0)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

        fd = listener.socket.fileno()
        assert not is_open_in_a_child()
        with listener.lend():
            assert is_open_in_a_child()
        assert not is_open_in_a_child()


def test_the_backlog_is_counted_and_reset_when_the_listener_is_shut():
    events = []
    with SharedListener(settings("fork"), Emitter(events.append)) as listener:
        assert not events, "no worker accepts yet"
        listener.announce()
        assert events[0][1] == "listening"
        clients = [socket.create_connection((listener.host, listener.port), 5) for _ in range(3)]
        copy = listener.socket.dup()
        assert listener.backlog() == 3
        listener.shut()
        for client in clients:
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            client.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((listener.host, listener.port), 5)
        copy.close()
