"""What the platform lacks is named: exit status 3, the thing, and what to type."""

import os
import signal
import subprocess

import pytest
from harness import PROCDEMO, Command, run
from lacking import limited, needs_mounts_of_its_own, without
from selection import some_of

SHORT = ["prodcons", "--items", "2", "--work", "0"]
SHARED = "/dev/shm, where semaphores and shared memory are, cannot be written to"
SHARED_HINT = "try: mount -t tmpfs -o size=64m tmpfs /dev/shm"
TEMPORARY = "the folder of TMPDIR, cannot be written to"
PROC = "/proc is missing, or shows other processes than ours"


def refused(result, thing, hint):
    """Assert that the command has named a thing, once, in one line, and what to type in the next."""
    result.assert_clean(status=3, stderr_lines=2)
    error, tried = result.stderr.splitlines()
    assert error.startswith("error: "), result.told()
    assert thing in error, result.told()
    assert tried.startswith(f"{hint}"), result.told()


@needs_mounts_of_its_own
@pytest.mark.parametrize(
    ("lacking", "why"),
    some_of(
        [
            ("/dev/shm read-only", "Read-only file system"),
            ("/dev/shm full", "No space left on device"),
            ("/dev/shm missing", "No such file or directory"),
        ]
    ),
)
def test_shared_memory_that_cannot_be_used_is_named(lacking, why, start_method):
    refused(run(*SHORT, start_method=start_method, program=without(lacking)), f"{SHARED}: {why}", SHARED_HINT)


@needs_mounts_of_its_own
@pytest.mark.parametrize(
    ("lacking", "why"),
    [("TMPDIR read-only", "Read-only file system"), ("TMPDIR without room", "No space left on device")],
)
def test_a_temporary_folder_that_cannot_be_used_is_named(lacking, why, start_method):
    result = run(*SHORT, start_method=start_method, program=without(lacking))
    refused(result, f"{TEMPORARY}: {why}", "try: TMPDIR=FOLDER")


ALL = [
    ["race"],
    ["pool-server", "--port", "0", "--clients", "1"],
    ["echo-server", "--port", "0", "--clients", "1"],
    ["crawl-callback", "--site", "."],
    ["supervise", "--items", "2"],
    ["lab", "own-memory"],
    ["bench", "start", "--budget", "1"],
    ["spawn", "--work", "0"],
    ["gil"],
]


@needs_mounts_of_its_own
@pytest.mark.thorough
@pytest.mark.parametrize("args", ALL, ids=" ".join)
def test_each_demo_names_its_temporary_folder(args):
    refused(run(*args, program=without("TMPDIR read-only")), TEMPORARY, "try: TMPDIR=FOLDER")


@needs_mounts_of_its_own
@pytest.mark.thorough
@pytest.mark.parametrize("args", ALL, ids=" ".join)
def test_each_demo_works_without_shared_memory_or_names_it(args):
    result = run(*args, program=without("/dev/shm read-only"))
    if result.status == 3:
        refused(result, SHARED, SHARED_HINT)
    else:
        result.assert_clean()


@pytest.mark.parametrize("missing", some_of(["/nowhere/at/all", "/etc/passwd", ""]))
def test_a_tmpdir_that_is_no_folder_is_not_used(missing):
    run(*SHORT, env={"TMPDIR": missing}).assert_clean()


def test_a_tmpdir_that_is_too_long_for_a_socket_is_named(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    result = run(*SHORT, "--start-method", "forkserver", env={"TMPDIR": str(long)})
    assert not list(long.iterdir())
    if result.status:  # a Python whose fork server has an address without a file needs no such folder
        refused(result, str(long), "try: TMPDIR=/tmp")


@pytest.mark.parametrize("limit", [5, 16, pytest.param(20, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "args", [SHORT, *(pytest.param(each, marks=pytest.mark.thorough) for each in ALL)], ids=str
)
def test_a_limit_of_descriptors_is_named_if_the_demo_cannot_start(limit, args):
    result = run(*args, program=limited(f"-n {limit}"))
    if result.status:
        assert result.status == 3
        if args[0] != "bench":  # it gets so far that a spawned interpreter lacks descriptors, and says so
            result.assert_clean(status=3, stderr_lines=6)  # supervise tries several times
        assert f"error: a process may have only {limit} files open (ulimit -n)\n" in result.stderr
        assert "try: ulimit -n 1024" in result.stderr
    else:
        result.assert_clean()
        assert limit > 5


def test_a_limit_of_file_sizes_is_named():
    refused(
        run(*SHORT, program=limited("-f 0"), env={"PYTHONDONTWRITEBYTECODE": "1"}),
        "(ulimit -f)",
        "try: ulimit -f",
    )


PIDS = "/sys/fs/cgroup/pids"


@pytest.fixture
def group_of_processes():
    """Make a control group of our own; return its folder."""
    folder = f"{PIDS}/procdemo-test-{os.getpid()}"
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("no control group of processes can be made here")
    yield folder
    os.rmdir(folder)


@pytest.mark.parametrize("most", some_of([2, 3, 5]))
def test_a_limit_of_processes_is_named(group_of_processes, most):
    with open(f"{group_of_processes}/pids.max", "w") as file:
        file.write(str(most))
    script = f'echo $$ > {group_of_processes}/cgroup.procs; exec "$0" "$@"'
    # A fork server that cannot fork ends, and then there is room for a process again.
    result = run(*SHORT, program=["sh", "-c", script, *PROCDEMO], start_method="fork")
    refused(
        result, f"no further process can be started: this control group may have {most}", "try: docker run"
    )


@needs_mounts_of_its_own
@pytest.mark.parametrize(
    "args", some_of([["lab", "own-memory"], ["gil"], ["bench", "start", "--budget", "1"]]), ids=" ".join
)
def test_what_must_look_at_processes_says_that_there_is_no_proc(args):
    refused(run(*args, program=without("/proc missing")), PROC, "try: mount -t proc proc /proc")


@needs_mounts_of_its_own
def test_without_proc_a_process_is_killed_as_asked(start_method):
    args = ["supervise", "--items", "40", "--workers", "2", "--json", "--kill", "worker-0@0.1"]
    result = run(*args, start_method=start_method, program=without("/proc missing"))
    assert result.assert_clean().named("fault")


def test_a_proc_with_other_numbers_is_named():
    probe = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    if subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PIDs of its own permitted here")
    refused(run("lab", "own-memory", program=[*probe, *PROCDEMO]), PROC, "try: mount -t proc proc /proc")


@pytest.mark.parametrize("signum", some_of([signal.SIGKILL, signal.SIGSEGV, 40]), ids=str)
def test_a_main_process_that_is_killed_is_named_with_its_signal(signum):
    with Command("spawn", "--work", "5", "--json") as command:
        pid = command.wait_event("started").pid
        os.kill(pid, signum)
        result = command.finish(within=5)
    assert result.status == 1
    name = "signal 40" if signum == 40 else signum.name
    # Its fork server, if it has one, may then say that it has lost its connection.
    reason = result.summary["reason"].partition(": its last words")[0]
    assert reason == f"the main process {pid} was ended by {name} before it could sum up"
