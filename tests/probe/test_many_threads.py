"""A picture of many threads that wait costs what they are, not what pairs of them there are."""

import pytest
from xrayed import Xrayed

from procdemo.probe import hang, snapshot, thread_waits, wait_reason, wait_threads

THREADS = 60
SOURCE = """
lock, event = threading.Lock(), threading.Event()
def wait_lock():
    with lock: pass

lock.acquire()
for _ in range(THREADS): threading.Thread(target=wait_lock, daemon=True).start()
for _ in range(THREADS): threading.Thread(target=event.wait, daemon=True).start()
say("main")
time.sleep(600)
"""


@pytest.fixture
def counted(monkeypatch):
    """Return how often the reason in a stack, and the blocks around it, were looked for."""
    calls = {"by_frames": 0, "blocks": 0}

    def count(module, name):
        real = getattr(module, name)

        def counting(*args):
            calls[name] += 1
            return real(*args)

        monkeypatch.setattr(module, name, counting)

    count(wait_reason, "by_frames")
    count(thread_waits.own_line, "blocks")
    assert wait_threads.own_line is thread_waits.own_line
    return calls


def test_each_stack_is_read_a_few_times(tmp_path, counted):
    with Xrayed(tmp_path, SOURCE.replace("THREADS", str(THREADS))) as program:
        program.wait_for(lambda: "main" in program.said)
        verdict = hang.judge(snapshot.take(program.pid))
    assert len(verdict.waits) == 2 * THREADS + 1
    assert counted["by_frames"] < 10 * len(verdict.waits)
    assert counted["blocks"] <= len(verdict.waits)
