"""What faulthandler writes is parsed."""

from procdemo.probe.stack_dumps import Frame, by_age, parse

WRITTEN = """Fatal Python error: Aborted

Thread 0x00007f0c52ffd6c0 (most recent call first):
  File "/usr/lib/python3.11/multiprocessing/connection.py", line 384 in _send
  File "/usr/lib/python3.11/multiprocessing/queues.py", line 246 in _feed

Current thread 0x00007f0c5dd0b740 [python] (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 1139 in _wait_for_tstate_lock
  File "/usr/lib/python3.11/multiprocessing/process.py", line 317 in _bootstrap
  File "/home/me/a folder/broken.py", line 17 in <module>

Extension modules: _foo (total: 1)
"""
WITHOUT_GIL = """Fatal Python error: Aborted

<Cannot show all threads while the GIL is disabled>
Stack (most recent call first):
  File "/usr/lib/python3.14t/threading.py", line 1139 in _wait_for_tstate_lock
  File "/home/me/broken.py", line 17 in <module>

Current thread's C stack trace (most recent call first):
  Binary file "/usr/bin/python3.14t", at _Py_DumpStack+0x44 [0x101144a6c]
"""
"""What 3.14t writes, as public reports quote it."""
FEEDER = [
    Frame("/usr/lib/python3.11/multiprocessing/connection.py", 384, "_send"),
    Frame("/usr/lib/python3.11/multiprocessing/queues.py", 246, "_feed"),
]
WAIT = Frame("/usr/lib/python3.11/threading.py", 1139, "_wait_for_tstate_lock")


def test_threads_and_frames():
    stacks = parse(WRITTEN)
    assert [len(stack) for stack in stacks] == [2, 3]
    assert stacks[0] == FEEDER
    assert stacks[1][2] == Frame("/home/me/a folder/broken.py", 17, "<module>")


def test_without_a_gil_one_thread_is_shown_and_the_others_are_not_known():
    stacks = parse(WITHOUT_GIL)
    assert [[frame.line for frame in stack] for stack in stacks] == [[1139, 17]]
    assert by_age(stacks, 3) == [stacks[0], [], []]


def test_other_text_is_no_stack():
    assert parse("") == []
    assert parse('  File "x.py", line 1 in f\nhello') == []


def test_a_frame_in_words():
    assert FEEDER[0].file == "multiprocessing/connection.py"
    assert str(FEEDER[0]) == "connection.py:384 _send"


def test_the_oldest_thread_first_and_nothing_from_before_the_fork():
    assert by_age(parse(WRITTEN), 2) == [[WAIT], FEEDER]


def test_threads_that_python_does_not_know():
    assert by_age(parse(WRITTEN), 4) == [[WAIT], [], [], []]


def test_no_answer():
    assert by_age([], 2) == [[], []]
