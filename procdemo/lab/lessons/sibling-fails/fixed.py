"""Fetches three pages in a TaskGroup; one of them does not exist, and its own task says so."""

import asyncio

pages = []


async def fetch(number):
    if number == 1:
        raise ValueError("404")
    await asyncio.sleep(0.01)
    pages.append(number)


async def fetch_or_tell(number):
    try:
        await fetch(number)
    except ValueError as error:
        print("failed:", error)


async def main():
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(fetch_or_tell(number))


asyncio.run(main())
print(f"pages: expected 2, got {len(pages)}")
