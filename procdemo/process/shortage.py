"""Name what the platform lacks, when it refuses something that a demo needs.

A system call says "No space left on device"; the user has to know which device, and what to type. So, after
an error, each folder that a demo writes to is tried, and limits are looked at. The command imports this
module before it starts a demo, because an import needs a descriptor, and later there may be none.
"""

import errno
import os
import signal
import sys
from contextlib import suppress

from procdemo.demo import cgroup
from procdemo.demo.settings import CannotRunError
from procdemo.process import fork_server

_EXIT_CODE = 3  # something of the platform is missing
_SHARED = "/dev/shm"  # noqa: S108 - only tried
_TEMPORARY = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - as the user has it: a demo makes one below it
_PAGE = bytes(4096)
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}
_NO_FILE |= {errno.ENOSYS, errno.EINVAL}
_DEPENDENCIES = {"click", "protego", "rich", "selectolax", "urllib3"}  # called as their packages are
_LONG_PATH = "AF_UNIX path too long"  # an OSError without a number (socketmodule.c; unix(7): 107 bytes)
_NO_THREAD = "can't start new thread"  # a RuntimeError (_threadmodule.c)


def named(error: BaseException) -> CannotRunError | None:
    """Return an error that says what the platform lacks (exit status 3); None if it is something else.

    If a killed fork server is the reason, the error says that; its exit status is 1.
    """
    if (status := fork_server.end_behind(error)) is not None:
        return _no_fork_server(status)
    if isinstance(error, ImportError):
        return _missing_module(error)
    if isinstance(error, MemoryError):
        return _no_memory()
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return _no_memory() if _can_fork() else _no_process()
    return _refused(error) if isinstance(error, OSError) else None


def _refused(error: OSError) -> CannotRunError | None:
    if error.errno == errno.ENOMEM:
        return _no_memory()
    if error.errno == errno.EAGAIN:  # from a pipe or a socket it would say something else
        return None if _can_fork() else _no_process()
    if _LONG_PATH in str(error):
        message = f"the name of the folder for temporary files is too long for a socket in it: {_TEMPORARY}"
        return _error(message, "TMPDIR=/tmp before the command")
    if error.errno == errno.EFBIG:
        return _error(
            "a file may not grow any more, because its size is limited (ulimit -f)", "ulimit -f unlimited"
        )
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return _no_descriptor(error)
    return _no_folder(error) if error.errno in _NO_FILE else None


def named_by_signal(signum: int, kills_before: int) -> str:
    """Return what the platform lacks if the signal `signum` has killed a process; empty if that is unknown.

    `kills_before` is what `cgroup.kills_for_memory` said at the start.
    SIGBUS: a page of a file in memory cannot be filled (mmap(2)). SIGKILL: perhaps there was no memory.
    """
    if signum == signal.SIGBUS:
        lacks = _no_folder(OSError(errno.ENOSPC, ""))
        return str(lacks) if lacks else ""
    kills, limit = cgroup.kills_for_memory()
    if signum == signal.SIGKILL and kills > kills_before:
        return f"the kernel has killed it, because this control group may have only {_mib(limit)} of memory"
    return ""


def _error(message: str, hint: str) -> CannotRunError:
    return CannotRunError(message, hint, exit_code=_EXIT_CODE)


def _missing_module(error: ImportError) -> CannotRunError | None:
    name = (error.name or "").partition(".")[0]
    if name in {"", "procdemo"}:
        return None
    if not os.path.exists(__file__):
        hint = "unpack the zip that procdemo is in, because compiled modules cannot be imported from a zip"
    elif name in _DEPENDENCIES:
        hint = f"python -m pip install {name}"
    else:
        hint = "another Python, in which this module can be imported"
    return _error(f"the module {name} cannot be imported: {error}", hint)


def _no_memory() -> CannotRunError:
    limit = _limit("RLIMIT_AS")
    more = f": a process may have {_mib(limit)} (ulimit -v)" if limit else ""
    return _error(f"no memory is left{more}", "ulimit -v unlimited, or close other programs")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _no_process() -> CannotRunError:
    most = cgroup.full_of_processes()
    if most is not None:
        message = f"no further process can be started: this control group may have {most} (pids.max)"
        return _error(message, "docker run --pids-limit 500, or write a higher number into pids.max")
    limit = _limit("RLIMIT_NPROC")
    known = f"this user may have {limit} of them" if limit else "there are too many"
    message = f"no further process or thread can be started: {known} (ulimit -u)"
    return _error(message, "ulimit -u 1000, or end other programs of this user")


def _no_fork_server(status: int) -> CannotRunError:
    """Return an error that says why the fork server has ended; `status` as `fork_server.exitcode`."""
    if status < 0:
        message = f"the fork server, which starts the processes, was killed by {signal.Signals(-status).name}"
        return CannotRunError(message, "the same once more")
    if cgroup.full_of_processes() is not None or _limit("RLIMIT_NPROC"):
        return _no_process()
    return _error(f"{fork_server.REFUSES}: it has ended with exit status {status}", "--start-method spawn")


def _can_fork() -> bool:
    try:
        pid = os.fork()
    except OSError:
        return False
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def _limit(name: str) -> int:
    """Return a soft limit of this process; 0 if there is none."""
    with suppress(ImportError, OSError):
        import resource  # noqa: PLC0415 - absent on Windows

        soft: int = resource.getrlimit(getattr(resource, name))[0]
        return 0 if soft == resource.RLIM_INFINITY else soft
    return 0


def _no_descriptor(error: OSError) -> CannotRunError:
    if error.errno == errno.ENFILE:
        return _error("the machine has no file descriptor left", "close other programs")
    most = os.sysconf("SC_OPEN_MAX")
    return _error(
        f"a process may have only {most} files open (ulimit -n)", "ulimit -n 1024, then the same again"
    )


def _no_folder(error: OSError) -> CannotRunError | None:
    """Try the folders that multiprocessing writes to; return an error about the first that refuses."""
    if _gone():
        return _error("the working directory does not exist any more", "cd to another folder")
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if sys.platform == "linux" and (not name or name.startswith(_SHARED)) and (why := refusal(_SHARED)):
        message = f"{_SHARED}, where semaphores and shared memory are, cannot be written to: {why}"
        return _error(message, f"mount -t tmpfs -o size=64m tmpfs {_SHARED} (docker run --shm-size 64m)")
    if (not name or name.startswith(_TEMPORARY)) and (why := refusal(_TEMPORARY)):
        source = "the folder of TMPDIR" if os.environ.get("TMPDIR") else "the folder for temporary files"
        message = f"{_TEMPORARY}, {source}, cannot be written to: {why}"
        return _error(message, "TMPDIR=FOLDER before the command, with a folder that you may write to")
    return None


def _gone() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def refusal(folder: str) -> str:
    """Return why no page can be written to a new file in `folder`; empty if it can be."""
    path = f"{folder}/pd-try-{os.urandom(4).hex()}"
    try:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return error.strerror or str(error)
    try:
        os.write(fd, _PAGE)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(fd)
        os.unlink(path)
    return ""
