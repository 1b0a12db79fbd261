"""Which names in /dev/shm a program has left: only new ones are looked at closely."""

import os

import pytest

from procdemo.probe import common_files, left_names
from procdemo.probe.left_names import LeftNames


@pytest.fixture
def shm(monkeypatch):
    """Return names in a /dev/shm of the test, and those that were looked at closely."""
    names, asked = [], []

    def file_in_shm(name, _root=""):
        asked.append(name)
        return f"00:1a:{len(name)}"

    monkeypatch.setattr(common_files, "names_in_shm", lambda: list(names))
    monkeypatch.setattr(common_files, "file_in_shm", file_in_shm)
    monkeypatch.setattr(left_names, "_PAUSE_S", 0.0)
    return names, asked


def test_a_name_of_another_program_is_looked_at_a_few_times_and_then_no_more(shm):
    names, asked = shm
    names += ["sem.before", "sem.of-another"]
    left = LeftNames(["sem.before"])
    for _ in range(9):
        left.look_if_due(lambda: [os.getpid()])
    assert asked == ["sem.of-another"] * left_names._TRIES
    assert left.left() == {}


def test_a_name_of_the_program_is_looked_at_once(shm, monkeypatch):
    names, asked = shm
    names += ["sem.ours"]
    maps = b"7f00-7f01 rw-s 00000000 00:1a 8 /dev/shm/sem.x (deleted)\n"
    monkeypatch.setattr(left_names.procfs, "read", lambda _path: maps)
    left = LeftNames([])
    for _ in range(3):
        left.look_if_due(lambda: [4711])
    assert asked == ["sem.ours"]
    assert left.left() == {"sem.ours": 4711}
    names.clear()
    assert left.left() == {}
