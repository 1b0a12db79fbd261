"""Programs that hang, for the X-ray: one for each kind of wait. `hanging.START` comes before each of them."""

MAIN = 'if __name__ == "__main__":\n'

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
    signal.pause() if BLOCKS else threading.Event().wait()  # there

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

HEART = "threading.Thread(target=lambda: [time.sleep(0.02) for _ in iter(int, 1)], daemon=True).start()\n    "

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
