"""One coroutine leaves the call that blocks to a thread, while three others answer."""

import asyncio
import time


async def work(done):
    await asyncio.to_thread(time.sleep, 0.3)  # the event loop is free meanwhile
    done.set()


async def answer(number, begin, done, late):
    print(f"client {number}: answered after {time.monotonic() - begin:.2f} s")
    late.append(done.is_set())


async def main():
    begin, done, late = time.monotonic(), asyncio.Event(), []
    clients = [answer(number, begin, done, late) for number in range(3)]
    await asyncio.gather(work(done), *clients)
    print(f"in time: expected 3, got {late.count(False)}")


asyncio.run(main())
