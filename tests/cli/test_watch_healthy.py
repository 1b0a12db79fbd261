"""It is never said of a program that works that it hangs, however long it stands still."""

import subprocess
from pathlib import Path

import pytest
from healthy_programs import PROGRAMS
from under_watch import UnderWatch
from xrayed import HANGS, needs_stacks

USUAL = {"heartbeat", "async server"}

EVENT_SET_BY_SIGNAL = """
def rest(event):
    event.wait()

if __name__ == "__main__":
    event, queue = mp.Event(), __import__("queue").Queue()
    signal.signal(signal.SIGTERM, lambda *_: (event.set(), queue.put(1)))
    threading.Thread(target=queue.get).start()
    child = start(rest, event)
    say("ready")
    child.join()
"""

CHILD_ENDS_LATER = """
if __name__ == "__main__":
    ended = threading.Event()
    signal.signal(signal.SIGCHLD, lambda *_: ended.set())
    child = subprocess.Popen(["sleep", "600"])
    say("ready")
    ended.wait()
"""

ALARM = """
def ring(*_):
    raise TimeoutError

if __name__ == "__main__":
    queue = mp.Queue()
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(600)
    say("ready")
    queue.get()
"""

PIPED = """
if __name__ == "__main__":
    say("ready")
    child = subprocess.Popen(["cat"], stdin=sys.stdin, stdout=subprocess.PIPE)
    child.stdout.read()
"""

ORPHAN_WORKS = """
def work(connection):
    while True: time.sleep(0.05)

if __name__ == "__main__":
    ours, theirs = os.pipe()
    if not (middle := os.fork()):
        if os.fork(): os._exit(0)
        os.close(ours)
        work(theirs)
    os.waitpid(middle, 0)
    os.close(theirs)
    say("ready")
    os.read(ours, 1)
"""

FIFO_IS_NOT_OPEN_YET = """
os.mkfifo("fifo")
say("ready")
open("fifo")
"""

FIFO_FOR_OTHERS = """
os.mkfifo("fifo")
with open("fifo", "r+b", buffering=0) as fifo:
    say("ready")
    fifo.read(1)
"""

SEMAPHORE_FOR_OTHERS = """
import _multiprocessing
semaphore = _multiprocessing.SemLock(1, 0, 1, "/" + os.path.basename(os.getcwd()), False)
say("ready")
semaphore.acquire()
"""

MORE = {
    "FIFO for others": FIFO_FOR_OTHERS,
    "semaphore for others": SEMAPHORE_FOR_OTHERS,
    "event set by a signal": EVENT_SET_BY_SIGNAL,
    "alarm": ALARM,
    "child ends later": CHILD_ENDS_LATER,
    "piped": PIPED,
    "orphan works": ORPHAN_WORKS,
    "fifo": FIFO_IS_NOT_OPEN_YET,
}
ALL = {name: source for name, (source, _) in PROGRAMS.items()} | MORE


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in USUAL else pytest.mark.thorough, id=name) for name in ALL],
)
def test_a_program_that_works(tmp_path, start_method, name):
    needs_stacks()
    options = ["--still", "0.5", "--timeout", "3"]
    with UnderWatch(
        tmp_path, ALL[name], start_method, watch=options, stdin=subprocess.PIPE, cwd=tmp_path
    ) as watched:
        watched.wait_for(watched.pictures, limit=20, what="the picture at the time limit")
        (picture,) = watched.pictures()
        assert picture["why"] == "time limit", picture
        assert picture["verdict"] not in HANGS, picture["answer"]
        assert watched.said("ready")
        assert watched.running
    (Path("/dev/shm") / f"sem.{tmp_path.name}").unlink(missing_ok=True)
