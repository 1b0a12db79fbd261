"""Lock objects are told from other memory, also those of a free-threaded build, and the freed ones."""

import ctypes
import mmap
import multiprocessing
import os
import struct
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest
from namespaces import FILES_OF_ITS_OWN, NETWORK_OF_ITS_OWN, needs_a_network_of_its_own

from procdemo.probe.semlock_memory import Memory, _find_aligned, semaphores

GIL, FREE_THREADED = 16, 32  # bytes of an object's header


@pytest.fixture
def memory():
    with Memory(os.getpid()) as own:
        yield own


def an_object(header, references, name=b"_multiprocessing.SemLock"):
    """Make an object in our own memory; return the address of its handle, and what keeps it alive."""
    text = ctypes.create_string_buffer(name)
    of_type = ctypes.create_string_buffer(struct.pack(f"={header + 8}xQ", ctypes.addressof(text)))
    pointer = ctypes.addressof(of_type)
    data = references + struct.pack("=QQQiii", pointer, 0x7F0000001000, 42, 1, 1, 1)
    block = ctypes.create_string_buffer(bytes(64) + data)
    return ctypes.addressof(block) + 64 + len(references) + 8, (text, of_type, block)


@pytest.mark.parametrize(
    ("header", "references", "alive"),
    [
        pytest.param(GIL, struct.pack("=Q", 2), True, id="alive"),
        pytest.param(GIL, struct.pack("=IHH", 1, 0, 5), True, id="alive, with flags, as in 3.14"),
        pytest.param(GIL, struct.pack("=Q", 0), False, id="freed"),
        pytest.param(GIL, struct.pack("=Q", 0x7F12_3456_7000), False, id="freed, the next one is in a list"),
        pytest.param(FREE_THREADED, struct.pack("=QIIQ", 1, 0, 1, 0), True, id="owned by a thread"),
        pytest.param(FREE_THREADED, struct.pack("=QIIQ", 0, 0, 0, 1 << 2 | 3), True, id="shared"),
        pytest.param(FREE_THREADED, struct.pack("=QIIQ", 0, 0, 0, 3), False, id="freed, free-threaded"),
    ],
)
def test_an_object_is_known_by_its_type_and_its_references(memory, header, references, alive):
    address, kept = an_object(header, references)
    found = memory.object_at(address)
    assert found == ((address, 0x7F0000001000, 42, 1, 1, 1) if alive else None)
    del kept


def test_an_object_of_another_type_is_none(memory):
    address, kept = an_object(GIL, struct.pack("=Q", 1), name=b"_thread.RLock")
    assert memory.object_at(address) is None
    assert memory.object_at(8) is None
    assert memory.object_at(2**64 - 8) is None
    del kept


def test_our_own_lock_is_found_with_its_semaphore_and_its_thread():
    before = semaphores(os.getpid())
    lock = multiprocessing.get_context("fork").Lock()
    [number] = semaphores(os.getpid()) - before
    with lock, Memory(os.getpid()) as memory:
        at = memory.semaphores[number]
        assert at == lock._semlock.handle
        found = [each for run in memory.runs() for _, some in memory.search(run, {at}) for each in some]
        # What was read of our own memory is there a second time.
        assert {(each.ident, each.taken) for each in found} == {(threading.get_ident(), 1)}
        assert memory.thread(found[0].ident) == threading.get_native_id()
        assert memory.value(number) == 0
    with Memory(os.getpid()) as memory:
        assert memory.value(number) == 1


def test_a_thread_of_its_own_and_none(memory):
    told = []
    thread = threading.Thread(target=lambda: told.append(memory.thread(threading.get_ident())))
    thread.start()
    thread.join()
    assert told == [thread.native_id]
    assert memory.thread(8) == 0


def test_memory_that_was_never_used_is_not_searched():
    pages = 1000
    with mmap.mmap(-1, pages * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        area.madvise(mmap.MADV_NOHUGEPAGE)
        begin = ctypes.addressof(ctypes.c_char.from_buffer(area))
        area[500 * mmap.PAGESIZE] = 1
        area[501 * mmap.PAGESIZE] = 1
        with Memory(os.getpid()) as memory:
            runs = [run for run in memory.runs() if begin <= run[0] < begin + pages * mmap.PAGESIZE]
        assert runs == [(begin + 500 * mmap.PAGESIZE, begin + 502 * mmap.PAGESIZE)]


MADV_GUARD_INSTALL = 102  # linux/mman.h, from 6.13 on; glibc 2.42 makes the guard of a stack so


def test_a_page_that_guards_a_stack_keeps_nothing_else_from_being_searched():
    size = 4 * mmap.PAGESIZE
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        area[:] = b"x" * size
        begin = ctypes.addressof(ctypes.c_char.from_buffer(area))
        handle = 0x7F1234567000
        kept = an_object(GIL, struct.pack("=Q", 1))[1]
        page = ctypes.c_void_p(begin + mmap.PAGESIZE)
        if ctypes.CDLL(None).madvise(page, ctypes.c_size_t(mmap.PAGESIZE), MADV_GUARD_INSTALL):
            pytest.skip("needs guard regions, Linux 6.13")
        block = struct.pack("=QQQQiii", 1, ctypes.addressof(kept[1]), handle, 42, 1, 1, 1)
        place = 2 * mmap.PAGESIZE + 64
        area[place : place + len(block)] = block
        with Memory(os.getpid()) as memory:
            within = [run for run in memory.runs() if begin < run[1] and run[0] < begin + size]
            for run in (*within, (begin, begin + size)):
                sizes, found = zip(*memory.search(run, {handle}), strict=True)
                assert sum(sizes) == run[1] - run[0]
            assert [each.handle for some in found for each in some] == [handle]
            assert not any(run[0] <= page.value < run[1] for run in within)


def test_numbers_are_found_at_multiples_of_eight():
    one, other = 0x7F123456A000, 0x7F123456B000
    words = [0, one, other, one + 1, other << 8, 0x7F123456C000]
    chunk = struct.pack("=6Q", *words) + b"\0" + struct.pack("=Q", one)
    assert sorted(_find_aligned(chunk, {one, other})) == [8, 16]
    assert list(_find_aligned(b"", {one})) == []


@needs_a_network_of_its_own
def test_two_containers_have_the_same_numbers_of_files_on_different_devices():
    """A new tmpfs counts its files from one on: the inode alone would mix up two programs."""
    program = "import multiprocessing as m; lock = m.get_context('fork').Lock(); print(flush=True); input()"
    words = ["sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh", sys.executable, "-c", program]
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            popen = subprocess.Popen([*NETWORK_OF_ITS_OWN, *FILES_OF_ITS_OWN, *words], **pipes)
            stack.enter_context(popen)
            popen.stdout.readline()
            found.append(semaphores(popen.pid))
        (first,), (second,) = found
    assert first.rpartition(":")[2] == second.rpartition(":")[2]
    assert first != second
