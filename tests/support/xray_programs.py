"""Programs that hang, for the X-ray: one for each kind of wait. `hanging.START` comes before each of them.

The lines at which they hang are marked: ``# here`` in the main process or thread, ``# there`` elsewhere.
"""

from xray_program import ENDS, Program

JOIN_BEFORE_DRAIN = """
def put(queue):
    for number in range(100_000): queue.put(number)

if __name__ == "__main__":
    queue = mp.Queue()
    child = start(put, queue)
    child.join()  # here
"""

FULL_QUEUE = """
def put(queue):
    for number in range(9): queue.put(number)  # there

if __name__ == "__main__":
    queue = mp.Queue(maxsize=1)
    child = start(put, queue)
    child.join()  # here
"""

NOTHING_TO_GET = """
def put(queue):
    queue.put(1)

if __name__ == "__main__":
    queue = mp.Queue()
    child = start(put, queue)
    queue.get()
    child.join()
    queue.get()  # here
"""

LOST_TASK = """
def work(queue):
    queue.get()

if __name__ == "__main__":
    queue = mp.JoinableQueue()
    child = start(work, queue)
    queue.put(1)
    child.join()
    queue.join()  # here
"""

FORGOTTEN_COPY = """
def read(connection, other):
    while True: connection.recv()  # there

if __name__ == "__main__":
    ours, theirs = mp.Pipe(duplex=DUPLEX)
    child = start(read, ours, theirs)
    theirs.send(1)
    theirs.close()
    child.join()  # here
"""

BOTH_RECEIVE = """
def answer(connection):
    connection.recv()  # there

if __name__ == "__main__":
    ours, theirs = mp.Pipe()
    child = start(answer, theirs)
    theirs.close()
    ours.recv()  # here
"""

POOL_LOST_TASK = """
def die():
    os.kill(os.getpid(), 9)

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        pool.apply(die)  # here
"""

POOL_JOIN = """
def wait():
    threading.Event().wait()  # there

if __name__ == "__main__":
    pool = mp.Pool(1)
    pool.apply_async(wait)
    pool.close()
    pool.join()  # here
"""

TWO_LOCKS = """
def hold_both(first, second, gate):
    with first:
        gate.wait()
        with second: pass  # there

if __name__ == "__main__":
    a, b, gate = mp.KIND(), mp.KIND(), mp.Barrier(2)
    children = [start(hold_both, a, b, gate), start(hold_both, b, a, gate)]
    for child in children: child.join()  # here
"""

BESIDE_A_HEARTBEAT = TWO_LOCKS.replace(
    "    a, b",
    "    beat = lambda: [time.sleep(0.02) for _ in iter(int, 1)]\n"
    "    threading.Thread(target=beat, daemon=True).start()\n"
    "    a, b",
)
BESIDE_A_WORKER = TWO_LOCKS.replace(
    "    a, b",
    "    start(eval, '[0 for _ in iter(int, 1)]')\n    a, b",
)

RING = """
def hold(first, second, gate):
    with first:
        gate.wait()
        with second: pass  # there

if __name__ == "__main__":
    locks, gate = [mp.Lock() for _ in range(SIZE)], mp.Barrier(SIZE)
    children = [start(hold, locks[n], locks[(n + 1) % SIZE], gate) for n in range(SIZE)]
    for child in children: child.join()  # here
"""

DEAD = """
def take(lock):
    lock.acquire()
    os._exit(0)

if __name__ == "__main__":
    lock = mp.KIND()
    start(take, lock).join()
    lock.acquire()  # here
"""

TAKEN_TWICE = """
lock = None
def inner():
    with lock: pass  # there

def outer():
    with lock: inner()

if __name__ == "__main__":
    lock = mp.Lock()
    outer()
"""

SEMAPHORE = """
def take(semaphore):
    semaphore.acquire()  # there

if __name__ == "__main__":
    semaphore = mp.BoundedSemaphore(2)
    semaphore.acquire(); semaphore.acquire()
    child = start(take, semaphore)
    child.join()  # here
"""

CONDITION = """
def wait(condition):
    with condition: condition.wait()  # there

if __name__ == "__main__":
    condition = mp.Condition()
    child = start(wait, condition)
    child.join()  # here
"""

BARRIER = """
def arrive(barrier):
    barrier.wait()  # there

if __name__ == "__main__":
    barrier = mp.Barrier(4)
    children = [start(arrive, barrier) for _ in range(3)]
    for child in children: child.join()  # here
"""

MANAGER = """
def wait(queue):
    queue.get()  # there

if __name__ == "__main__":
    with mp.Manager() as manager:
        queue = manager.Queue()
        child = start(wait, queue)
        child.join()  # here
"""


EVERYWHERE = (
    Program("join before drain", JOIN_BEFORE_DRAIN, "deadlock", "feeder thread", ("here", "", "")),
    Program("full queue", FULL_QUEUE, "deadlock", "room in the queue", ("here", "there")),
    Program("nothing to get", NOTHING_TO_GET, "stuck", ENDS),
    Program("lost task", LOST_TASK, "stuck", "the last task_done()"),
    Program("copy of a pipe", FORGOTTEN_COPY.replace("DUPLEX", "False"), "stuck", "only the process itself"),
    Program("copy of a socket", FORGOTTEN_COPY.replace("DUPLEX", "True"), "stuck", ENDS, thorough=True),
    Program("both receive", BOTH_RECEIVE, "deadlock", "recv()", ("here", "there"), thorough=True),
    Program("pool, lost task", POOL_LOST_TASK, "stuck", "waits for a result of the pool"),
    Program("pool join", POOL_JOIN, "stuck", "in join() of the pool", thorough=True),
    Program("two locks", TWO_LOCKS.replace("KIND", "Lock"), "deadlock", "holds", ("there", "there")),
    Program(
        "two RLocks",
        TWO_LOCKS.replace("KIND", "RLock"),
        "deadlock",
        "holds",
        ("there", "there"),
        thorough=True,
    ),
    Program(
        "beside a heartbeat",
        BESIDE_A_HEARTBEAT.replace("KIND", "Lock"),
        "deadlock",
        "holds",
        ("there", "there"),
    ),
    Program(
        "beside a worker", BESIDE_A_WORKER.replace("KIND", "Lock"), "deadlock", "holds", ("there", "there")
    ),
    Program("ring", RING.replace("SIZE", "3"), "deadlock", "holds", ("there",) * 3, thorough=True),
    Program(
        "philosophers",
        RING.replace("SIZE", "5"),
        "deadlock",
        "5 threads in all",
        ("there",) * 5,
        thorough=True,
    ),
    Program("lock of the dead", DEAD.replace("KIND", "Lock"), "deadlock", "lock A, the lock of the dead"),
    Program(
        "RLock of the dead", DEAD.replace("KIND", "RLock"), "deadlock", "the lock of the dead", thorough=True
    ),
    Program("taken twice", TAKEN_TWICE, "deadlock", "which it holds itself", ("there",)),
    Program("semaphore", SEMAPHORE, "deadlock", "main has taken 2", ("here", "there"), thorough=True),
    Program("condition", CONDITION, "stuck", "a signal of others", thorough=True),
    Program("barrier", BARRIER, "stuck", "3 of 4 have arrived"),
    Program("manager", MANAGER, "stuck", "an item, in get() of a thread's queue"),
)
"""Under each start method."""
