"""Programs that hang as those of other people did: the pattern of a public report each, written anew.

`hanging.START` comes before each of them; marks of lines as in `xray_programs`. The address of the report is
in the program's row.
"""

from xray_program import ENDS, Program

LEFT_IN_THE_QUEUE = """
def put(queue):
    for number in range(10_000): queue.put([number, None, "hello"])

if __name__ == "__main__":
    queue = mp.Queue()
    child = mp.Process(target=put, args=(queue,))
    child.start()
    queue.get()
    child.join(0.01)
"""

ONE_WORKER_RAISES = """
def work(queue):
    while True:
        item = queue.get()
        if item == 1: raise SystemExit
        queue.task_done()

if __name__ == "__main__":
    queue = mp.JoinableQueue()
    workers = [start(work, queue) for _ in range(2)]
    for item in range(4): queue.put(item)
    queue.join()  # here
"""

FORKED_WITH_MUTEX = """
import queue
lines = queue.Queue()

def hold():
    with lines.mutex:
        held.set()
        asked.wait()

def log(text):
    lines.put(text)

if __name__ == "__main__":
    held, asked = threading.Event(), threading.Event()
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    with mp.Pool(1) as pool:
        pool.map(log, ["hello"])  # here
"""

WORKERS_EXIT = """
def run(rank):
    if rank: sys.exit(1)

if __name__ == "__main__":
    with mp.Pool(2) as pool:
        pool.map(run, range(2), chunksize=1)  # here
"""

LOOP_WAITS_FOR_ITSELF = """
import asyncio
async def register(): pass

async def main():
    loop = asyncio.get_running_loop()
    asyncio.run_coroutine_threadsafe(register(), loop).result()  # here

asyncio.run(main())
"""

LOOP_DOES_NOT_RUN = """
import asyncio
async def call(): pass

loop = asyncio.new_event_loop()
asyncio.run_coroutine_threadsafe(call(), loop).result()  # here
"""

EXCHANGES_SHARE_A_POOL = """
import queue
from concurrent.futures import ThreadPoolExecutor
executor, rows, both = ThreadPoolExecutor(2), queue.Queue(), threading.Barrier(2)

def exchange():
    both.wait()
    parts = [executor.submit(int), executor.submit(int)]
    rows.put([part.result() for part in parts])  # there

for _ in range(2): executor.submit(exchange)
rows.get()  # here
"""

ERRORS_ARE_NOT_READ = """
child = subprocess.Popen(["sh", "-c", "yes >&2; true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
child.stdout.read()  # here
"""

LOCKS_OF_LOGGING = """
import logging.config
class Slow(logging.Handler):
    def emit(self, record):
        begun.set()
        while True: logging.getLogger("one")  # there

begun = threading.Event()
log = logging.getLogger("work")
log.addHandler(Slow())
threading.Thread(target=log.error, args=("hello",), daemon=True).start()
begun.wait()
logging.config.dictConfig({"version": 1})  # here
"""

KILLED_IN_THE_BATCH = """
def take(ring, killed):
    with ring:
        if killed: os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    ring = mp.Lock()
    start(take, ring, True).join()
    workers = [start(take, ring, False) for _ in range(2)]
    for worker in workers: worker.join()  # here
"""

NO_TASK_IS_DONE = """
import queue
work = queue.Queue()
def take():
    while True: work.get()

for _ in range(2): threading.Thread(target=take, daemon=True).start()
work.put("draw")
work.join()  # here
"""

IMPORTS_EACH_OTHER = """
import importlib
def load():
    importlib.import_module("script")

thread = threading.Thread(target=load)
thread.start()
thread.join()  # here
"""

_GITHUB = "https://github.com/"
REPORTED = (
    Program(
        "items are left in a queue at the end",
        LEFT_IN_THE_QUEUE,
        "deadlock",
        "feeder thread",
        ("", "", ""),
        thorough=True,
        report=f"{_GITHUB}python/cpython/issues/91594",
    ),
    Program(
        "one worker of two raises",
        ONE_WORKER_RAISES,
        "stuck",
        "the last task_done()",
        thorough=True,
        report=f"{_GITHUB}revoltek/losoto/pull/173",
    ),
    Program(
        "workers exit",
        WORKERS_EXIT,
        "stuck",
        "waits for a result of the pool",
        thorough=True,
        report="https://anyinlover.github.io/blog/python/hang_in_multiprocessing_pool",
    ),
    Program(
        "a worker is killed with the lock",
        KILLED_IN_THE_BATCH,
        "deadlock",
        "lock A, the lock of the dead",
        report=f"{_GITHUB}birdnet-team/birdnet/issues/73",
    ),
)
"""Under each start method."""

REPORTED_ONCE = (
    Program(
        "a pool is forked beside a held mutex",
        FORKED_WITH_MUTEX,
        "stuck",
        "waits for a result of the pool",
        thorough=True,
        report="https://pythonspeed.com/articles/python-multiprocessing",
    ),
    Program(
        "a loop waits for itself",
        LOOP_WAITS_FOR_ITSELF,
        "stuck",
        "blocks its event loop",
        thorough=True,
        report=f"{_GITHUB}empicano/aiomqtt/issues/174",
    ),
    Program(
        "a loop does not run",
        LOOP_DOES_NOT_RUN,
        "stuck",
        ENDS,
        thorough=True,
        report=f"{_GITHUB}aden-hive/hive/pull/638",
    ),
    Program(
        "exchanges share a pool",
        EXCHANGES_SHARE_A_POOL,
        "stuck",
        "every thread that could end that waits, too",
        thorough=True,
        report=f"{_GITHUB}xorq-labs/xorq/issues/2243",
    ),
    Program(
        "errors are not read",
        ERRORS_ARE_NOT_READ,
        "deadlock",
        "main to read",
        ("here", "", ""),
        report=f"{_GITHUB}google/turbinia/issues/945",
    ),
    Program(
        "locks of logging",
        LOCKS_OF_LOGGING,
        "deadlock",
        "an RLock, which",
        ("here", "there"),
        (3, 14),
        thorough=True,
        report=f"{_GITHUB}python/cpython/issues/96727",
        verdict_then="stuck",
    ),
    Program(
        "no task is done",
        NO_TASK_IS_DONE,
        "stuck",
        "the last task_done()",
        thorough=True,
        report=f"{_GITHUB}ipython/ipython/issues/8554",
    ),
    Program(
        "modules import each other in threads",
        IMPORTS_EACH_OTHER,
        "stuck",
        "to end, in join()",
        thorough=True,
        report=f"{_GITHUB}python/cpython/issues/125037",
    ),
)
"""Programs for which the start method makes no difference."""
