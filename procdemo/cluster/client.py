"""The connection to a cluster: one of our own on this host, or one that runs already; its loss is noticed.

With ``local``, dask's scheduler and workers listen on ports of 127.0.0.1 that the system chooses; otherwise
nothing of ours listens. Encryption and certificates are dask's own settings (``distributed.comm``, in its
files or as ``DASK_DISTRIBUTED__COMM__...``), and apply as they are.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import dask
import distributed

from procdemo.cluster import LOCAL
from procdemo.cluster.members import Members
from procdemo.demo.events import Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.demo.text import reason_of
from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.thread_calls import ThreadCalls

_CONNECT_S = 5.0
_PING_S = 2.0  # between two questions to the scheduler
_SILENT_S = 5.0  # a scheduler that has not answered for so long is lost
_NO_WORKER_S = 10.0  # a cluster without a worker for so long is lost; a nanny takes seconds to start the next
_CLOSE_S = 2.0
ON_EACH_HOST = (
    f"on each host the same Python and this same procdemo, and python -m pip install"
    f" distributed=={distributed.__version__}"
)
"""What to do if workers on other hosts cannot take part."""


class LostClusterError(Exception):
    """The scheduler does not answer, or has closed the connection; or there is no worker any more."""


class Cluster:
    """A client of a scheduler, and the workers of that scheduler; a context manager."""

    def __init__(
        self,
        address: str,
        workers: int,
        loop: SelectorLoop,
        emit: Emitter,
        *,
        tries: int = 1,
        report: bool = True,
    ) -> None:
        """Connect to the scheduler; on return there is at least one worker.

        Args:
            address: ``local``, or the address of a scheduler: ``tcp://HOST:PORT``.
            workers: how many workers a cluster of our own gets, each a process with one thread.
            loop: the loop of the main thread; all news of the cluster is handled there.
            emit: gets the events of all workers.
            tries: how often a cluster of our own begins a task whose worker dies.
            report: whether each worker is reported as ready.

        Raises:
            CannotRunError: there is no scheduler, or no worker, or a worker cannot import procdemo.
        """
        for name in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # important news become events
        self.address = address
        self._local: Any = None
        if address == LOCAL:
            self._local = _own_cluster(workers, tries)
        self.client = _connect(self._local.scheduler_address if self._local else address)
        self.executor = self.client.get_executor(pure=False)
        """Submits tasks: a `concurrent.futures.Executor`."""
        self.run_once = loop.run_once
        self.thread_calls = ThreadCalls(loop)
        self.members = Members(self.client, self.thread_calls, emit)
        self._ping: Future[Any] | None = None
        self._unanswered_since = 0.0
        """When the first question was asked that has not been answered; 0 if all are answered."""
        self._answered_at = self._had_worker_at = time.monotonic()
        self._find_workers(report=report)
        whose = "started here, each a new interpreter (spawn)" if self._local else "that ran already"
        facts = {"workers": len(self.members.present), "version": distributed.__version__, "whose": whose}
        emit.mark("cluster", address=self.client.scheduler.address, **facts)

    def _find_workers(self, *, report: bool) -> None:
        try:
            self.client.wait_for_workers(1, timeout=_CONNECT_S)
            self.members.find_all(report=report)
        except TimeoutError:
            message = f"the scheduler {self.address} has no worker"
            hint = f"dask worker {self.address} --nthreads 1  (on each host)"
            raise CannotRunError(message, hint) from None
        except ImportError as error:
            raise CannotRunError(f"a worker cannot take part: {error}", ON_EACH_HOST) from None
        if not self.members.present:
            raise CannotRunError(f"the workers of {self.address} do not answer", "look at their logs")

    def call_scheduler(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Return what the scheduler answers to ``method(**arguments)``, a coroutine function of dask's.

        Raises:
            LostClusterError: it does not answer within 5 s.
        """
        try:
            return self.client.sync(method, callback_timeout=_SILENT_S, **arguments)
        except OSError:  # also TimeoutError
            raise LostClusterError(f"the scheduler {self.address} does not answer") from None

    def raise_if_lost(self) -> float:
        """Raise an error if the cluster is lost; otherwise return after how many seconds to call this again.

        Raises:
            LostClusterError: the scheduler has not answered for 5 s, or has had no worker for 10 s.
        """
        now = time.monotonic()
        if self.members.present:
            self._had_worker_at = now
        elif now > self._had_worker_at + _NO_WORKER_S:
            raise LostClusterError(f"the scheduler {self.address} has no worker any more")
        if self._local:  # the scheduler runs in this very process
            return _PING_S
        if self.client.status != "running":
            raise LostClusterError(f"the scheduler {self.address} has closed the connection")
        if self._ping is None and now > self._answered_at + _PING_S:
            loop = self.client.loop.asyncio_loop
            self._ping = asyncio.run_coroutine_threadsafe(self.client.scheduler.identity(), loop)
            self._unanswered_since = self._unanswered_since or now
        if self._ping and self._ping.done():
            if not (self._ping.cancelled() or self._ping.exception()):
                self._answered_at, self._unanswered_since = now, 0.0
            self._ping = None
        if self._unanswered_since and now > self._unanswered_since + _SILENT_S:
            raise LostClusterError(f"the scheduler {self.address} has not answered for {_SILENT_S:g} s")
        return _PING_S / 4

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # On an error, do not wait for the scheduler: it drops our tasks when the connection closes.
        if kind is None:
            self.close()

    def close(self) -> None:
        """Release all tasks; end the scheduler and the workers of a cluster of our own."""
        with contextlib.suppress(TimeoutError, OSError):  # a lost scheduler does not answer
            self.client.close(timeout=_CLOSE_S)
        if self._local:
            with contextlib.suppress(
                TimeoutError
            ):  # a worker that is stopped is killed when this process ends
                self._local.close(timeout=_CLOSE_S)


def _own_cluster(workers: int, tries: int) -> Any:
    """Start a scheduler in this process, and workers on this host."""
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": tries - 1,
            "distributed.worker.multiprocessing-method": "spawn",  # this process has threads by now
            "distributed.worker.daemon": True,
        }
    )
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        local_directory=os.environ["TMPDIR"],
        silence_logs=logging.CRITICAL + 1,
    )


def _connect(address: str) -> Any:
    try:
        return distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # also: encryption is required
        first = reason_of(error).splitlines()[0]
        hint = "dask scheduler  (on its host, before this), or --cluster local"
        raise CannotRunError(f"no scheduler at {address}: {first}", hint) from None
