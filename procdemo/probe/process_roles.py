"""What each process of a picture is called: by its program, or as ``Process(name=...)`` says."""

import re
from collections.abc import Mapping

from procdemo.probe import attributes, programs
from procdemo.probe.live_stacks import Answer
from procdemo.probe.programs import Program
from procdemo.process import procfs

_FIRST = "MainProcess"  # multiprocessing/process.py
_NOT_CHOSEN = re.compile(r"(?:Fork|Spawn|ForkServer)?(?:Process|PoolWorker)-[\d:]+")
_MOST_NAMED = 100


def roles(
    root: int, family: Mapping[int, int], run: Mapping[int, Program], answers: Mapping[int, Answer]
) -> dict[int, str]:
    """Return what each process is called; with its PID if it is not the first.

    Args:
        root: the first.
        family: PID -> parent, parents first.
        run: what each runs.
        answers: what py-spy has said of them.
    """
    lines = {pid: procfs.read(f"/proc/{pid}/cmdline") for pid in family}
    names = _names(family, answers)
    found = {}
    for pid, parent in family.items():
        same = run[pid].kind == programs.PYTHON and lines.get(parent) == lines[pid]
        name = names.get(pid) or ("child" if same else run[pid].name)
        found[pid] = "main" if pid == root else f"{name or 'process'} {pid}"
    return found


def _names(family: Mapping[int, int], answers: Mapping[int, Answer]) -> dict[int, str]:
    """Return the names that processes of multiprocessing were given, not those that it has chosen itself.

    A Process object has the name of its parent, and then its own (multiprocessing/process.py, `BaseProcess`),
    besides what the program gives it.
    """
    known: dict[int, str] = {}
    asked = [pid for pid in family if pid in answers and answers[pid].process][:_MOST_NAMED]
    for pid in asked:
        texts = attributes.texts(pid, answers[pid].process)
        of_parent = known.get(family[pid], _FIRST)
        if of_parent in texts[:-1]:
            known[pid] = texts[texts.index(of_parent) + 1]
    return {pid: name for pid, name in known.items() if not _NOT_CHOSEN.fullmatch(name)}
