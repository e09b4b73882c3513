"""Tasks whose process has died, carried out again where one more death costs little, and is seen at once.

One process is started, imports what tasks are made of, and computes nothing; from it one is forked for every try. A task
is tried as it is; if its process dies again, as its `after_crash` says. So a record that kills takes one worker with it, its
own tries cost a fork each, and whoever sent the tasks (a cluster, a pool) does not see them die.
"""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, NamedTuple, NoReturn

from tamis.engine.isolate import said
from tamis.errors import RunError, TamisError

CRASHES = 24
"""Times that one task may kill its process before the run is given up."""


class Answer(NamedTuple):
    """What became of a task: its result, or what it raised."""

    result: Any
    error: BaseException | None = None
    trace: str = ""

    def raised(self) -> BaseException:
        """The error, with where it was raised if it is none of ours."""
        assert self.error is not None
        if not isinstance(self.error, TamisError):
            self.error.add_note(f"in a worker:\n{self.trace}")
        return self.error


def alone(
    task: Callable[[Any], Any], items: Sequence[Any], setup: Callable[[], None] | None = None
) -> Iterator[Answer]:
    """`task` of every item, in order, each in a process of its own; `setup` is called first there."""
    left = list(items)
    for _ in range(CRASHES):
        # The server itself may be killed, too.
        with _server(pickle.dumps((task, left)), setup) as answers, suppress(EOFError):
            while left:
                yield answers.recv()
                del left[0]
        if not left:
            return
    yield Answer(None, _given_up())


@contextmanager
def _server(packed: bytes, setup: Callable[[], None] | None) -> Iterator[Connection]:
    """The process that forks, from which answers come; it ends with the block, with all that it has forked."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(there, packed, setup), name="tamis-alone")
    server.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        with suppress(ProcessLookupError):
            os.killpg(server.pid or 0, signal.SIGKILL)
        server.kill()
        server.join()
        server.close()


def _serve(answers: Connection, packed: bytes, setup: Callable[[], None] | None) -> None:
    """In the process that forks: try each item until a process that was forked for it has answered."""
    os.setpgrp()  # Ctrl-C is answered by the caller alone, and one signal ends this process and all forked from it
    if setup is not None:
        setup()  # the stages of a task may be the user's own: without their files it cannot be unpacked
    task, items = pickle.loads(packed)
    for item in items:
        try:
            _try(answers, task, item)
        except TamisError as error:
            answers.send(Answer(None, error))


def _try(answers: Connection, task: Callable[[Any], Any], item: Any) -> None:
    """Fork until an answer was sent. Raises RunError where it never is, or what `after_crash` raises."""
    for _ in range(CRASHES):
        if (pid := os.fork()) == 0:
            _answer(answers, task, item)
        if os.waitpid(pid, 0)[1] == 0:
            return
        _end_without_caller()
        item = item.after_crash() if hasattr(item, "after_crash") else item
    raise _given_up()


def _answer(answers: Connection, task: Callable[[Any], Any], item: Any) -> NoReturn:
    """In a forked process: send what became of a task, and end."""
    code = 1
    try:
        begin(None)
        answers.send(outcome(task, item))
        code = 0
    finally:
        os._exit(code)


def begin(setup: Callable[[], None] | None) -> None:
    """First in every worker process. Ctrl-C reaches all of them: the caller alone answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_caller, name="tamis-caller", daemon=True).start()
    if setup is not None:
        setup()


def _end_with_caller() -> None:
    """End this process once its caller is gone: one that was killed tells nobody, and workers would wait for tasks forever."""
    caller = parent_process()
    if caller is not None:
        caller.join()
        os._exit(1)


def _end_without_caller() -> None:
    """What was forked has died of that: it is no crash."""
    caller = parent_process()
    if caller is not None and not caller.is_alive():
        os._exit(1)


def outcome(task: Callable[[Any], Any], item: Any) -> Answer:
    """What became of a task, as it can be sent."""
    try:
        return Answer(task(item))
    except Exception as error:
        return Answer(None, _sendable(error), traceback.format_exc())


def _sendable(error: Exception) -> Exception:
    """`error`, or its words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RunError(said(error))
    return error


def _given_up() -> RunError:
    return RunError(
        f"a worker process died {CRASHES} times over the same task, killed by the system (out of memory?) or by a stage; "
        "run again with --resume and --workers 1, or find the stage that kills it"
    )
