"""Fetches three pages in a TaskGroup; one of them does not exist."""

import asyncio

pages = []


async def fetch(number):
    if number == 1:
        raise ValueError("404")
    await asyncio.sleep(0.01)
    pages.append(number)


async def main():
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(fetch(number))


try:
    asyncio.run(main())
except* ValueError as errors:
    print("failed:", *errors.exceptions)
print(f"pages: expected 2, got {len(pages)}")
