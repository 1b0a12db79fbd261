"""The curves of docs/growth.svg, made of the tables: how the cost grows, and the limits of the kernel."""

from dataclasses import dataclass
from pathlib import Path

import growth
from tables import tables_in


@dataclass(frozen=True)
class Panel:
    """One picture of curves; both axes are logarithmic."""

    table: str
    """How the title of the table begins that it is made of."""
    x: str
    y: str
    unit: str
    """What the columns say besides a number, `` items`` in ``1,000 items``; other columns are left out."""
    limits: dict[str, str]
    """How the limits begin that are drawn, and what is said of them."""


PANELS = (
    Panel(
        "Clients: to connect each",
        *("clients", "ms to connect each", ": ms each"),
        {"connect(), accept()": "the system calls alone", "fork(), exit()": "fork() alone"},
    ),
    Panel(
        "Workers: connections",
        *("workers", "connections a second", ""),
        {"a connection with": "the system calls alone"},
    ),
    Panel(
        "Items: how many",
        *("items", "items a second", " items"),
        {"64 bytes": "a pipe, each item", "100 times": "a pipe, 100 at a time"},
    ),
    Panel("Pages: how many", *("pages", "pages a second", " pages"), {"pages parsed": "parsing alone"}),
    Panel(
        "Processes watched",
        *("processes", "% of a CPU", ": % of a CPU"),
        {"one read()": "one read() each, 50 times a second"},
    ),
)


def number(cell: str) -> float:
    """Return the number of a cell."""
    return float(cell.replace(",", ""))


def curves_of(page: str, panel: Panel) -> dict[str, list[tuple[float, float]]]:
    """Return the curves of a panel by name, made of a page of tables; ``limit: ...`` is a limit."""
    tables = tables_in(page)
    (title,) = (title for title in tables if title.startswith(panel.table))
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, row in tables[title].items():
        cells = {
            column.removesuffix(panel.unit): cell
            for column, cell in row.items()
            if column.endswith(panel.unit)
        }
        points = [(number(x), number(y)) for x, y in cells.items() if y and x.replace(",", "").isdigit()]
        curves[f"{name} {next(iter(row))}" if name.isdigit() else name] = points
    ends = sorted(x for points in curves.values() for x, _ in points)
    for begin, said in panel.limits.items():
        (figure,) = (
            number(row["figure"]) for what, row in tables[growth.LIMITS].items() if what.startswith(begin)
        )
        grows = panel.unit == ": % of a CPU"  # so does what must be read for each process
        curves[f"limit: {said}"] = [(x, figure * x if grows else figure) for x in (ends[0], ends[-1])]
    return curves


def measured_on(page: str) -> str:
    """Return the lines of the page that name the machine and the day."""
    lines = page.splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("Measured on "))
    return "\n".join(lines[number : number + 2])


def draw(page: str, picture: Path) -> None:
    """Draw all panels as SVG; its texts are texts, and the same tables give the same file."""
    import matplotlib as mpl  # noqa: PLC0415 - only for those who measure
    from matplotlib import pyplot as plt  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415

    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "procdemo", "font.size": 9}
    figure, axes = plt.subplots(len(PANELS), 1, figsize=(8, 4 * len(PANELS)), layout="constrained")
    for panel, axis in zip(PANELS, axes, strict=True):
        dashes = iter(("--", ":"))
        for name, points in curves_of(page, panel).items():
            is_limit = name.startswith("limit: ")
            style = {"linestyle": next(dashes), "color": "black"} if is_limit else {"marker": "o"}
            axis.loglog(*zip(*points, strict=True), label=name, **style)
        axis.set(xlabel=panel.x, ylabel=panel.y)
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            each.set_minor_formatter(NullFormatter())
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    figure.suptitle(measured_on(page))
    figure.savefig(picture, metadata={"Date": None})
