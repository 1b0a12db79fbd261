"""Saves three items; one word is missing."""

import asyncio

saved = []


async def save(item):
    await asyncio.sleep(0.01)  # as if to a disk
    saved.append(item)


async def main():
    for item in range(3):
        save(item)


asyncio.run(main())
print(f"saved: expected 3, got {len(saved)}")
