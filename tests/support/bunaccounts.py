"""What a run of prodcons says became of each bun."""


def numbers(text):
    """Return the numbers that ``0, 3-5`` stands for."""
    parts = [part.split("-") for part in text.split(", ")]
    return [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]


def missing(result):
    """Return the buns that the run names as missing, with their fates."""
    rows = [event.data for event in result.named("missing")]
    return {bun: row["fate"] for row in rows for bun in numbers(row["items"])}


def account_of(result, items):
    """Check that each bun is exactly once done or named; return the summary."""
    summary = result.summary
    fates = ("done", "failed", "lost", "unfinished")
    assert summary["produced"] == sum(summary.get(fate, 0) for fate in fates)
    named = missing(result)
    assert summary["done"] + len(named) == items
    never_made = sum(fate == "never made" for fate in named.values())
    assert summary["produced"] == items - never_made
    return summary
