"""A byte in a pipe ends the wait of a loop."""

import math
import threading

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.self_pipe import SelfPipe


def test_another_thread_ends_a_wait_and_several_calls_count_as_one():
    loop, woken = SelectorLoop(), []
    pipe = SelfPipe(loop, lambda: woken.append(threading.get_ident()))

    def wake():
        for _ in range(100_000):  # more than a pair of sockets can hold
            pipe.wake()

    thread = threading.Thread(target=wake)
    thread.start()
    loop.run_once(math.inf)
    thread.join()
    loop.run_once(0)
    assert set(woken) == {threading.get_ident()}
    pipe.close()
    pipe.wake()
    loop.run_once(0)
    loop.close()
