"""`tamis eval import`: a task of lm-eval as a suite."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("import")
@click.argument("task", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the suite; new.")
@click.option("--data", "files", multiple=True, metavar="SPLIT=FILE", help="Rows of a split; may be given again.")
@click.option("--num-fewshot", type=click.IntRange(0), help="Examples before the question; else as the task says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_task(task: Path, output: Path, files: tuple[str, ...], num_fewshot: int | None, as_json: bool) -> None:
    """Translate TASK, a task of lm-eval (YAML) on data that are here, to a suite that `tamis eval freeze` takes.

    \b
    Example:
        tamis eval import gsm8k.yaml --data test=gsm8k.jsonl -o suites/gsm8k
    """
    from tamis.cli.show import print_json
    from tamis.errors import UsageError
    from tamis.evaluate.importing import import_task as translate

    data = {}
    for told in files:
        split, equals, place = told.partition("=")
        if not equals or not split or not place:
            raise UsageError(f"--data {told!r}; SPLIT=FILE was wanted, as test=rows.jsonl")
        data[split] = Path(place)
    suite = translate(task, output, data, num_fewshot)
    if as_json:
        print_json(suite)
        return
    names = ", ".join(f"{entry['name']} ({entry['type']})" for entry in suite["tasks"])
    click.echo(f"{output / 'suite.yaml'}: {names}")
