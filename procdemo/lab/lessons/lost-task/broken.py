"""Three tasks wait for news; the program keeps none of them."""

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
    for number in range(3):
        asyncio.create_task(read(number))
    await asyncio.sleep(0)  # each begins to wait
    gc.collect()  # it may come at any time
    for news in list(readers):
        news.set()
    await asyncio.sleep(0.01)


asyncio.run(main())
print(f"heard: expected 3, got {len(heard)}")
