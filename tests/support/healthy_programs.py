"""Programs that work, for the X-ray, with the verdict on each: none of them hangs.

`hanging.START` comes before each. A program says ``ready`` when it has come to where it stays.
"""

SERVER = """
import socket
def serve(listener):
    say("ready")
    while True: listener.accept()[0].close()

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    child = start(serve, listener)
    child.join()
"""

CLIENT_KEEPS_CONNECTION = """
import socket
def serve(listener):
    connection, _ = listener.accept()
    say("ready")
    connection.recv(1)

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    if not os.fork():
        client.close()
        serve(listener)
    child = subprocess.Popen(["sleep", "600"])
    child.wait()
"""

ASYNC_SERVER = """
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    say("ready")
    await server.serve_forever()
asyncio.run(main())
"""

STDIN = """
say("ready")
sys.stdin.read()
"""

WAITS_FOR_SIGTERM = """
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
say("ready")
stop.wait()
"""

POOL_AT_WORK = """
def work(_):
    say("ready")
    while True: pass

if __name__ == "__main__":
    mp.Pool(2).map(work, [1])
"""

HEARTBEAT = """
def beat():
    while True: time.sleep(0.01)

def work(queue):
    while True: queue.get()

if __name__ == "__main__":
    threading.Thread(target=beat, daemon=True).start()
    queue = mp.Queue()
    child = start(work, queue)
    say("ready")
    number = 0
    while True:
        time.sleep(0.01)
        queue.put(number)
"""

PROGRESS_BAR = """
def draw():
    while True:
        sys.stderr.write("\\\\r###")
        time.sleep(0.02)

def work(connection):
    say("ready")
    while True: pass

if __name__ == "__main__":
    ours, theirs = mp.Pipe()
    threading.Thread(target=draw, daemon=True).start()
    child = start(work, theirs)
    ours.recv()
"""

TIME_OUTS = """
import queue as queues
def work(queue, event):
    while True:
        try: queue.get(timeout=60)
        except queues.Empty: pass

if __name__ == "__main__":
    queue, event = mp.Queue(), mp.Event()
    child = start(work, queue, event)
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, args=(True, 60), daemon=True).start()
    threading.Thread(target=event.wait, args=(60,), daemon=True).start()
    say("ready")
    child.join(timeout=600)
"""

COMPUTES = """
def spin():
    while True: pass

if __name__ == "__main__":
    threads = [threading.Thread(target=spin) for _ in range(2)]
    for thread in threads: thread.start()
    say("ready")
    for thread in threads: thread.join()
"""

SLEEPS = """
def nap():
    say("ready")
    time.sleep(600)

if __name__ == "__main__":
    start(nap).join()
"""

LOCK_AS_SIGNAL = """
def give_back(lock, seconds):
    say("ready")
    time.sleep(seconds)
    lock.release()

if __name__ == "__main__":
    lock = mp.Lock()
    lock.acquire()
    child = start(give_back, lock, 600)
    lock.acquire()
"""

IDLE_POOL = """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
if __name__ == "__main__":
    pool, executor, threads = mp.Pool(2), ProcessPoolExecutor(2, mp), ThreadPoolExecutor(2)
    pool.map(abs, [1] * 4); list(executor.map(abs, [1] * 4)); list(threads.map(abs, [1] * 4))
    say("ready")
    sys.stdin.read()
"""

MANAGER = """
if __name__ == "__main__":
    with mp.Manager() as manager:
        numbers = manager.list([1, 2])
        say("ready")
        time.sleep(600)
"""

LOCKS_IN_USE = """
def work(first, second, queue):
    while True:
        with first, second: queue.put(1)

if __name__ == "__main__":
    a, b, queue = mp.Lock(), mp.RLock(), mp.Queue(maxsize=2)
    children = [start(work, a, b, queue) for _ in range(2)]
    say("ready")
    while True: queue.get()
"""

IMPORTS_FOR_LONG = """
if __name__ != "__main__":
    say("child")
    time.sleep(600)

if __name__ == "__main__":
    event = mp.Event()
    say("ready")
    start(event.set)
    event.wait()
    time.sleep(600)
"""

PROGRAMS = {
    "server": (SERVER, "outside"),
    "connection": (CLIENT_KEEPS_CONNECTION, "sleeping"),
    "async server": (ASYNC_SERVER, "outside"),
    "stdin": (STDIN, "outside"),
    "signal": (WAITS_FOR_SIGTERM, "outside"),
    "pool at work": (POOL_AT_WORK, "computing"),
    "heartbeat": (HEARTBEAT, "sleeping"),
    "progress bar": (PROGRESS_BAR, "computing"),
    "time-outs": (TIME_OUTS, "sleeping"),
    "computes": (COMPUTES, "computing"),
    "sleeps": (SLEEPS, "sleeping"),
    "lock as signal": (LOCK_AS_SIGNAL, "sleeping"),
    "idle pools": (IDLE_POOL, "outside"),
    "manager": (MANAGER, "sleeping"),
    "locks in use": (LOCKS_IN_USE, ""),
    "imports for long": (IMPORTS_FOR_LONG, ""),
}
"""Name -> its source, and the verdict; empty if that changes all the time."""
