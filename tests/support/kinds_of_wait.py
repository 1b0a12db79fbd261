"""A script whose processes wait, each in a way of its own; its arguments name the ways."""

WAITS = """
    import fcntl, multiprocessing, os, select, signal, socket, sys, tempfile, threading, time

    mp = multiprocessing.get_context("fork")
    empty, keep = os.pipe()
    full_end, full = os.pipe()
    os.set_blocking(full, False)
    try:
        while True:
            os.write(full, bytes(4096))
    except BlockingIOError:
        os.set_blocking(full, True)
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    ours, theirs = socket.socketpair()
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind(("127.0.0.1", 0))
    taken, file = mp.Lock(), tempfile.TemporaryFile()
    taken.acquire()
    fcntl.flock(file, fcntl.LOCK_EX)
    fifo = tempfile.mktemp()
    os.mkfifo(fifo)
    queue = mp.Queue(1)
    queue.put(1)

    def sleep(): time.sleep(600)
    def select_nothing(): select.select([], [], [], 600)
    def poll_nothing(): select.poll().poll(600_000)
    def read_pipe(): os.read(empty, 1)
    def receive(): served.recv(1)
    def receive_unix(): ours.recv(1)
    def receive_packet(): packets.recv(1)
    def accept(): listener.accept()
    def poll(): select.select([empty], [], [])
    def epoll():
        poll = select.epoll()
        poll.register(empty, select.EPOLLIN)
        poll.poll()
    def read_event(): os.read(os.eventfd(0), 8)
    def pause(): signal.pause()
    def sigwait(): signal.sigwait({signal.SIGUSR1})
    def open_fifo(): open(fifo, "rb")
    def write_pipe(): os.write(full, bytes(4096))
    def send(): ours.sendall(bytes(1 << 24))
    def semaphore(): taken.acquire()
    def thread_lock(): threading.Lock().acquire() and (lock := threading.Lock()).acquire() and lock.acquire()
    def put(): queue.put(2)
    def join(): (child := mp.Process(target=sleep)).start() or child.join()
    def file_lock(): fcntl.flock(open(file.fileno(), closefd=False, mode="rb"), fcntl.LOCK_EX) or \\
        fcntl.flock(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY), fcntl.LOCK_EX)
    def compute():
        while True: pass

    for name in sys.argv[1:]:
        if (pid := os.fork()) == 0:
            globals()[name]()
            os._exit(0)
        os.write(1, f"{name} {pid}\\n".encode())
    os.unlink(fifo) if "open_fifo" not in sys.argv else None
    sys.stdin.read(1)
"""
