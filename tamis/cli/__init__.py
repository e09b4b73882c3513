"""The command line: the only place that prints. Each command is a file, imported when it is called."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from tamis.cli.memory import one_pool
from tamis.errors import TamisError

COMMANDS = {
    "audit": "What people make of what a rule dropped.",
    "check": "Hold data against a contract.",
    "classify": "Train a classifier from two samples of rows.",
    "contamination": "Which evaluation items stand in training data.",
    "contract": "Propose a contract, compare two, look for slips.",
    "demo": "The whole walk on bundled real data.",
    "diff": "What a version has that another had not, and why.",
    "erase": "Take records, and all that was made of them, out of a store.",
    "eval": "Frozen evaluations of models, and gates on them.",
    "explain": "What became of a record, and why.",
    "freeze": "Make a run a snapshot that anyone can check.",
    "judge": "Have answers judged, rate models, and measure the judge.",
    "licenses": "What records permit, and which licences do not go together.",
    "hold": "Keep records and snapshots from being erased.",
    "model": "Which models were trained on which snapshots.",
    "models": "What an endpoint can do; the answers that were bought.",
    "plan": "What a recipe would take, from a sample of the data.",
    "profile": "Look before you curate.",
    "recipes": "List, show and check recipes.",
    "replay": "What other thresholds would change, from stored scores.",
    "report": "Write a run's report again, as HTML, Markdown or JSON.",
    "review": "Ask people, blind, and check what they say.",
    "run": "Carry a recipe out on data.",
    "signatures": "MinHash signatures, as datasketch has them.",
    "synth": "Make rows of rows with a language model, and sieve them.",
    "train": "Train adapters on snapshots, merge them, search, estimate.",
    "trace": "What was made of some records, and what they were made of.",
    "snapshots": "What a store holds, and which version a name stands for.",
    "verify": "Is a run or a snapshot whole, byte for byte?",
}


class Lazy(click.Group):
    """A group that knows its commands by name and one sentence, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`, imported."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tamis.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name and sentence of every command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with the nearest name in the complaint."""
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
            ctx.fail(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tamis", message="tamis %(version)s")
def group() -> None:
    """Sieve datasets for language models, and keep the receipts.

    Exit codes: 0 fine; 1 a gate, contract or verification said no; 2 usage or configuration; 3 run error.
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code. A TamisError is a sentence, never a traceback."""
    one_pool()
    stops: list[int] = []

    def stop(number: int, _: object) -> None:
        stops.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code: Any = group.main(args=args, prog_name="tamis", standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _interrupted(stops)
    except TamisError as wrong:
        from tamis.cli.show import plain

        click.echo("\n".join(plain(line) for line in f"tamis: {wrong}".split("\n")), err=True)
        sys.exit(wrong.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception:
        if not stops:
            raise
        _interrupted(stops)  # an interrupt in the middle of an import comes out as whatever the import makes of it
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    sys.exit(code if isinstance(code, int) else 0)


def _interrupted(stops: list[int]) -> NoReturn:
    with suppress(KeyboardInterrupt):
        if asking := sys.modules.get("tamis.models.asking"):
            asking.land()  # where it was not waiting for an answer when it was interrupted
    click.echo("interrupted; a run goes on where it stopped with --resume", err=True)
    sys.exit(128 + (stops or [signal.SIGINT])[-1])
