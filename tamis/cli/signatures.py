"""`tamis signatures`: MinHash signatures for an index of datasketch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("signatures")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Parquet file.")
@click.option("--on", multiple=True, metavar="FIELD", help="Field of text to sign; may be given again.  [default: all]")
@click.option("--ngram", type=int, default=5, show_default=True, help="Words in an n-gram.")
@click.option("--num-perm", type=int, default=128, show_default=True, help="Slots of a signature.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the permutations.")
@click.option(
    "--scheme",
    type=click.Choice(["affine32", "affine64", "legacy"]),
    default="affine32",
    show_default=True,
    help="Permutations of datasketch 2; legacy: those of before.",
)
@click.option(
    "--hash", type=click.Choice(["sha1", "xxh64"]), default="sha1", show_default=True, help="Hash of an n-gram."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
def command(
    data: tuple[str, ...],
    output: Path,
    on: tuple[str, ...],
    ngram: int,
    num_perm: int,
    seed: int,
    scheme: str,
    hash: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write the MinHash signature of every record of DATA (files, folders, globs or a run), as datasketch.MinHash has it.

    A service loads them into a datasketch.MinHashLSH, in memory or in Redis, and asks it what is like a new record.

    \b
    Example:
        tamis signatures corpus.jsonl -o signatures.parquet
    """
    from tamis.curate.signatures import Signer, write

    chosen: dict[str, Any] = {"scheme": scheme, "hash": hash}
    signer = Signer(on=on or None, ngram=ngram, num_perm=num_perm, seed=seed, **chosen)
    done = write(list(data), output, signer)
    if as_json:
        from tamis.cli.show import print_json

        print_json({"output": str(output), **done._asdict()})
    elif not quiet:
        click.echo(f"{done.signed:,} signatures of {num_perm} slots: {output}")
        if done.unreadable:
            click.echo(f"{done.unreadable:,} rows could not be read; the first: {done.first}", err=True)
    return 0
