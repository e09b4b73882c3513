"""`tamis eval gate`: a finished run held against gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("gate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--gates", type=click.Path(path_type=Path), help="Gates (YAML) beside those of the suite.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Run of another model on the same snapshot.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML to this file.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Also write Markdown to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def gate(
    run: Path, gates: Path | None, baseline: Path | None, junit: Path | None, markdown: Path | None, as_json: bool
) -> int:
    """Hold the finished run RUN against gates; nothing is asked anew, and nothing of RUN is changed.

    Exit code 0: every gate passed. 1: one did not. 2: the gates cannot be read, or ask for what is not there.

    \b
    Example:
        tamis eval gate runs/docs --gates gates.yaml --baseline runs/base --junit gates.xml
    """
    from tamis.cli.show import plain, print_json
    from tamis.data.writer import write_bytes
    from tamis.errors import UsageError
    from tamis.evaluate.junit import junit as as_junit
    from tamis.evaluate.markdown import markdown as as_markdown
    from tamis.recipes.evaluating import again, judged

    facts: dict[str, Any] = judged(*again(run, baseline=baseline, gates=gates))
    if not facts["gates"]:
        raise UsageError(f"there is no gate: the suite of {run} has none, and no --gates is given")
    if junit:
        write_bytes(junit, as_junit(facts).encode("utf-8", "backslashreplace"))
    if markdown:
        write_bytes(markdown, as_markdown(facts).encode("utf-8", "backslashreplace"))
    if as_json:
        print_json({name: facts[name] for name in ("passed", "snapshot", "model", "baseline", "gates", "warnings")})
    else:
        for one in facts["gates"]:
            state = {"passed": "passed", "failed": "FAILED", "underpowered": "TOO FEW"}[one["state"]]
            click.echo(plain(f"{state:<8} {one['task'] or 'run'}: {one['gate']}: {one['says']}"))
    return 0 if facts["passed"] else 1
