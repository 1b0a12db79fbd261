"""Join a cluster: one of our own on this host, or one that runs already; and notice when it is lost.

What listens: with ``local``, dask's scheduler and workers on ports of 127.0.0.1 that the system
chooses; otherwise nothing of ours. Encryption and certificates are dask's own settings
(``distributed.comm``, in its files or as ``DASK_DISTRIBUTED__COMM__...``), and apply as they are.
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
from procdemo.cluster.members import Workers
from procdemo.demo.events import Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.thread_calls import ThreadCalls

_CONNECT_S = 5.0
_PING_S = 2.0  # between two questions to the scheduler
_SILENT_S = 5.0  # without an answer: it is lost
_UNMANNED_S = 10.0  # without a worker: it takes a nanny a few seconds to start the next
_CLOSE_S = 2.0
_HINT = "pip install 'procdemo[cluster]'  (on each host, with the same versions of Python and dask)"


class LostClusterError(Exception):
    """The scheduler does not answer, or has closed the connection; or no worker is left."""


class Cluster:
    """A client of a scheduler, and the workers it has; a context manager."""

    def __init__(
        self,
        address: str,
        workers: int,
        loop: SelectorLoop,
        emit: Emitter,
        *,
        tries: int = 1,
        tell: bool = True,
    ) -> None:
        """Join it; there is at least one worker on return.

        Args:
            address: ``local``, or that of a scheduler: ``tcp://HOST:PORT``.
            workers: how many a cluster of our own gets, each a process with one thread.
            loop: what the main thread waits with; all that is heard of the cluster is heard there.
            emit: gets the events of all workers.
            tries: how often a cluster of our own begins a task whose worker dies.
            tell: whether each worker is reported as ready.

        Raises:
            CannotRunError: there is no scheduler, or no worker, or it lacks procdemo.
        """
        for name in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what matters becomes an event
        self.address = address
        self._local: Any = None
        if address == LOCAL:
            self._local = _own_cluster(workers, tries)
        self.client = _connect(self._local.scheduler_address if self._local else address)
        self.executor = self.client.get_executor(pure=False)
        """Submits tasks: a `concurrent.futures.Executor`."""
        self.wait = loop.run_once
        self.errands = ThreadCalls(loop)
        self.workers = Workers(self.client, self.errands, emit)
        self._asked: Future[Any] | None = None
        self._asked_at = 0.0
        """When the first question was asked that has not been answered."""
        self._heard = self._manned = time.monotonic()
        self._get_to_know(tell=tell)
        whose = "started here, each a new interpreter (spawn)" if self._local else "that ran already"
        facts = {"workers": len(self.workers.present), "version": distributed.__version__, "whose": whose}
        emit.mark("cluster", address=self.client.scheduler.address, **facts)

    def _get_to_know(self, *, tell: bool) -> None:
        try:
            self.client.wait_for_workers(1, timeout=_CONNECT_S)
            self.workers.greet(tell=tell)
        except TimeoutError:
            message = f"the scheduler {self.address} has no worker"
            hint = f"dask worker {self.address} --nthreads 1  (on each host)"
            raise CannotRunError(message, hint) from None
        except ImportError as error:
            raise CannotRunError(f"a worker cannot take part: {error}", _HINT) from None
        if not self.workers.present:
            raise CannotRunError(f"the workers of {self.address} do not answer", "look at their logs")

    def ask(self, question: Callable[..., Any], **facts: Any) -> Any:
        """Return what the scheduler answers to ``question(**facts)``, a coroutine function.

        Raises:
            LostClusterError: it does not answer.
        """
        try:
            return self.client.sync(question, callback_timeout=_SILENT_S, **facts)
        except OSError:  # also TimeoutError
            raise LostClusterError(f"the scheduler {self.address} does not answer") from None

    def check(self) -> float:
        """See to it that the scheduler is there; call this again after the seconds that are returned.

        Raises:
            LostClusterError: it is not, or it has had no worker for 10 s.
        """
        now = time.monotonic()
        if self.workers.present:
            self._manned = now
        elif now > self._manned + _UNMANNED_S:
            raise LostClusterError(f"the scheduler {self.address} has no worker any more")
        if self._local:  # in this very process
            return _PING_S
        if self.client.status != "running":
            raise LostClusterError(f"the scheduler {self.address} has closed the connection")
        if self._asked is None and now > self._heard + _PING_S:
            loop = self.client.loop.asyncio_loop
            self._asked = asyncio.run_coroutine_threadsafe(self.client.scheduler.identity(), loop)
            self._asked_at = self._asked_at or now
        if self._asked and self._asked.done():
            if not (self._asked.cancelled() or self._asked.exception()):
                self._heard, self._asked_at = now, 0.0
            self._asked = None
        if self._asked_at and now > self._asked_at + _SILENT_S:
            raise LostClusterError(f"the scheduler {self.address} has not answered for {_SILENT_S:g} s")
        return _PING_S / 4

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:  # otherwise our end does it: the scheduler releases what nobody asks for any more
            self.close()

    def close(self) -> None:
        """Release all tasks; end the workers that are our own."""
        with contextlib.suppress(TimeoutError, OSError):  # a lost scheduler does not answer
            self.client.close(timeout=_CLOSE_S)
        if self._local:
            with contextlib.suppress(TimeoutError):  # one that is stopped is killed when we end
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
        first = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        hint = "dask scheduler  (on its host, before this), or --cluster local"
        raise CannotRunError(f"no scheduler at {address}: {first}", hint) from None
