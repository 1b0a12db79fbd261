"""Nothing outlives the command: its observer is killed, and every process of the demo goes."""

import contextlib
import os
import resource
import signal
from multiprocessing import get_context, synchronize

import pytest
from processes import processes, tree
from waiting import ended, wait_until

from procdemo.demo.settings import Settings, StartMethod
from procdemo.process.record_pipe import channel
from procdemo.runtime.parent_death import ParentDeathSwitch
from procdemo.runtime.runner import Runner

PROMISED_S = 1.0


class Observed:
    """What became of the processes under an observer, seen by pidfds from before its death."""

    def __init__(self, observer):
        self.observer = observer
        self.pids = sorted(tree(observer))
        self.pidfds = [os.pidfd_open(pid) for pid in self.pids]

    def kill_observer(self):
        os.kill(self.observer, signal.SIGKILL)
        os.waitpid(self.observer, 0)

    def gone_in_time(self):
        """Return whether all ended in the promised time; they certainly have afterwards."""
        in_time = ended(self.pidfds, within=PROMISED_S)
        self.kill_all()
        return in_time

    def kill_all(self):
        for pidfd in self.pidfds:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        assert ended(self.pidfds, within=5)
        for pidfd in self.pidfds:
            os.close(pidfd)
        for pid in self.pids:
            wait_until(lambda pid=pid: reaped(pid), what=f"the end of PID {pid}")


def reaped(pid):
    """Wait for an orphan once it has come to us; its own parent may have been quicker."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return pid not in processes()


def live(mode, lifeline, ready):
    """Be a process of a demo: idle, or in a C call that does not release the GIL, for minutes."""
    ready((mode, os.getpid(), lifeline is not None))
    if mode == "busy":
        sum(range(10**10))
    signal.pause()


def observe(start_method, mode, lifeline, ready):
    """Fork an observer; under it a main process, and under that two children."""
    observer = os.fork()
    if observer == 0:
        main = os.fork()
        if main == 0:
            if lifeline:
                lifeline.board()
            for _ in range(2):
                get_context(start_method).Process(target=live, args=(mode, lifeline, ready)).start()
            live("plain", lifeline, ready)
        if lifeline:
            lifeline.hold()
        signal.pause()
    return observer


def perform(start_method, mode, *, armed):
    """Return three processes under an observer, each at what it does for minutes."""
    lifeline = ParentDeathSwitch() if armed else None
    reader, ready = channel()
    observer = observe(start_method, mode, lifeline, ready)
    if lifeline:
        lifeline.hold()
        lifeline.release()
    said = []
    while len(said) < 3:
        said += reader.read()
    for kind, pid, _ in said:
        if mode == "stopped" and kind == "stopped":
            os.kill(pid, signal.SIGSTOP)
    assert [armed] * 3 == [with_lifeline for _, _, with_lifeline in said]
    reader.close()
    ready.close()
    return Observed(observer)


@pytest.mark.parametrize("mode", ["plain", "busy", "stopped"])
def test_a8_everybody_goes_with_the_observer(start_method, mode):
    crowd = perform(start_method, mode, armed=True)
    crowd.kill_observer()
    assert crowd.gone_in_time()


def test_without_a_lifeline_they_stay(start_method):
    """The control: what dies here by itself would prove nothing above."""
    crowd = perform(start_method, "plain", armed=False)
    crowd.kill_observer()
    survivors = [pidfd for pidfd in crowd.pidfds if not ended([pidfd], within=0.2)]
    crowd.kill_all()
    assert len(survivors) >= 3


def stay(emit):
    emit.mark("here")
    signal.pause()


def long_story(config, emit):
    children = [config.context().Process(target=stay, args=(emit,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def test_a_stage_goes_with_its_observer(start_method):
    """The same through the stage, where the lifeline arrives with the emitter."""
    read, write = os.pipe()
    observer = os.fork()
    if observer == 0:
        with Runner(long_story, Settings(start_method=StartMethod(start_method))) as stage:
            here = (event for event in stage if event.name == "here")
            next(here), next(here)
            os.write(write, b"!")
            signal.pause()
    os.read(read, 1)
    crowd = Observed(observer)
    crowd.kill_observer()
    os.close(read)
    os.close(write)
    assert crowd.gone_in_time()


def fill_descriptors():
    """Take every descriptor that this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    with contextlib.suppress(OSError):
        while True:
            os.dup(0)


def test_a_child_without_a_free_descriptor_goes_with_the_observer():
    """Arming takes a descriptor; it is kept ready."""
    lifeline, (reader, ready) = ParentDeathSwitch(), channel()
    observer = os.fork()
    if observer == 0:
        if os.fork() == 0:
            lifeline.board()
            fill_descriptors()
            os.fork()
            live("plain", lifeline, ready)
        lifeline.hold()
        signal.pause()
    lifeline.hold()
    lifeline.release()
    said = []
    while len(said) < 2:
        said += reader.read()
    crowd = Observed(observer)
    crowd.kill_observer()
    assert crowd.gone_in_time()
    reader.close()
    ready.close()


@pytest.mark.parametrize(("observer_is_gone", "status"), [(True, 1), (False, 42)])
def test_a_process_that_boards_too_late_leaves_at_once(observer_is_gone, status):
    """If the observer died before this process armed itself, no signal will come any more."""
    lifeline = ParentDeathSwitch()
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(gate, 1)
        lifeline.board()
        os._exit(42)
    lifeline.hold()
    if observer_is_gone:
        lifeline.release()
    os.write(opener, b"!")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
    if not observer_is_gone:
        lifeline.release()
    os.close(gate)
    os.close(opener)


def test_orphans_come_to_us():
    """The premise of `Observed`: without it the tests above would look at nothing."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        orphan = os.fork()
        if orphan == 0:
            signal.pause()
        os.write(write, str(orphan).encode())
        os._exit(0)
    os.waitpid(child, 0)
    orphan = int(os.read(read, 20))
    os.close(read)
    os.close(write)
    assert tree(os.getpid())[orphan].parent == os.getpid()
    os.kill(orphan, signal.SIGKILL)
    os.waitpid(orphan, 0)


def no_child_is_left():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


@pytest.mark.parametrize("make", ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event"])
def test_a_semaphore_in_the_making_is_finished_first(make, start_method):
    """Whoever is killed between sem_open() and sem_unlink() leaves a name in /dev/shm."""
    lifeline = ParentDeathSwitch()
    begun, beginning = os.pipe()
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:

        def name_in_time(make_name=synchronize.SemLock._make_name):
            os.write(beginning, b"!")
            os.read(gate, 1)
            return make_name()

        synchronize.SemLock._make_name = staticmethod(name_in_time)
        lifeline.board()
        getattr(get_context(start_method), make)()
        os._exit(42)
    lifeline.hold()
    os.read(begun, 1)
    lifeline.release()
    os.write(opener, b"!")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1  # killed in the middle of it: -9
    wait_until(no_child_is_left, what="the end of the resource tracker")
    for fd in begun, beginning, gate, opener:
        os.close(fd)
