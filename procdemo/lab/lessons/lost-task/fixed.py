"""Three tasks wait for news; the program keeps them until they are done."""

import asyncio
import gc
import weakref

heard = []
readers = weakref.WeakSet()  # a reader that has ended must not be kept


async def read(number):
    news = asyncio.Event()
    readers.add(news)
    await news.wait()
    heard.append(number)


async def main():
    tasks = [asyncio.create_task(read(number)) for number in range(3)]
    await asyncio.sleep(0)  # each begins to wait
    gc.collect()  # it may come at any time
    for news in list(readers):
        news.set()
    await asyncio.gather(*tasks)


asyncio.run(main())
print(f"heard: expected 3, got {len(heard)}")
