"""Programs that hang without multiprocessing, as `xray_programs` has them with it."""

from xray_program import ENDS, Program

FORKED_WITH_LOCK = """
lock = threading.Lock()
def hold():
    with lock:
        held.set()
        asked.wait()

held, asked = threading.Event(), threading.Event()
threading.Thread(target=hold, daemon=True).start()
held.wait()
if not (pid := os.fork()):
    lock.acquire()  # there
os.waitpid(pid, 0)  # here
"""

SUBPROCESS_PIPE = """
child = subprocess.Popen(COMMAND, stdout=subprocess.PIPE)
child.wait()  # here
"""

THREADS_TWO_LOCKS = """
def hold_both(first, second, gate):
    with first:
        gate.wait()
        with second: pass  # there

a, b, gate = threading.KIND(), threading.KIND(), threading.Barrier(2)
threads = [threading.Thread(target=hold_both, args=args) for args in [(a, b, gate), (b, a, gate)]]
for thread in threads: thread.start()
for thread in threads: thread.join()  # here
"""

THREAD_JOINS = """
def wait_for(other):
    gate.wait()
    other.join()  # there

gate = threading.Event()
main = threading.current_thread()
child = threading.Thread(target=wait_for, args=(main,))
child.start()
gate.set()
child.join()  # here
"""

THREAD_QUEUE = """
import queue
work = queue.Queue()
worker = threading.Thread(target=work.get)
worker.start()
worker.join()  # here
"""

EXECUTOR = """
from concurrent.futures import ThreadPoolExecutor
def outer():
    return executor.submit(int).result()  # there

executor = ThreadPoolExecutor(1)
executor.submit(outer).result()  # here
"""

ASYNCIO = """
import asyncio
async def main():
    await asyncio.Event().wait()
asyncio.run(main())  # here
"""


ONCE = (
    Program("fork beside a held lock", FORKED_WITH_LOCK, "stuck", ENDS),
    Program(
        "subprocess", SUBPROCESS_PIPE.replace("COMMAND", '["yes"]'), "deadlock", "main to read", ("here", "")
    ),
    Program(
        "shell",
        SUBPROCESS_PIPE.replace("COMMAND", '["sh", "-c", "yes; true"]'),
        "deadlock",
        "main to read",
        ("here", "", ""),
        thorough=True,
    ),
    Program(
        "threads, two locks",
        THREADS_TWO_LOCKS.replace("KIND", "Lock"),
        "deadlock",
        "the lock second, which thread",
        ("there", "there"),
        (3, 14),
    ),
    Program(
        "threads, two RLocks",
        THREADS_TWO_LOCKS.replace("KIND", "RLock"),
        "deadlock",
        "an RLock, which thread",
        ("there", "there"),
        (3, 14),
    ),
    Program("threads that join", THREAD_JOINS, "deadlock", "in join()", ("here", "there")),
    Program("thread queue", THREAD_QUEUE, "stuck", "in get() of a thread's queue", thorough=True),
    Program("executor", EXECUTOR, "stuck", "a result of an executor", thorough=True),
    Program("asyncio", ASYNCIO, "stuck", ENDS, thorough=True),
)
"""Programs that do not start processes by multiprocessing."""
