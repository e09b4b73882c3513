"""Every stage a recipe may name, imported when named."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import extract_tb
from types import ModuleType
from typing import Any

from tamis.bench import Means
from tamis.errors import RecipeError, UsageError
from tamis.recipes.types import fit
from tamis.stage import Derive, Stage

STAGES = {
    "chunk@1": "tamis.curate.chunk:Chunk",
    "classify@1": "tamis.curate.classify:Classify",
    "clean@1": "tamis.curate.clean:Clean",
    "decontam@1": "tamis.curate.decontam:Decontam",
    "exact@1": "tamis.curate.exact:Exact",
    "judge.pairwise@1": "tamis.judge.stages:Pairwise",
    "judge.score@1": "tamis.judge.stages:Score",
    "language@1": "tamis.curate.language:Language",
    "license@1": "tamis.curate.license:License",
    "near@1": "tamis.curate.near:Near",
    "pii@1": "tamis.curate.pii:Pii",
    "profanity@1": "tamis.curate.profanity:Profanity",
    "quality.c4@1": "tamis.curate.quality:C4",
    "quality.c4_lines@1": "tamis.curate.quality:C4Lines",
    "quality.fineweb@1": "tamis.curate.quality:FineWeb",
    "quality.gopher@1": "tamis.curate.quality:Gopher",
    "quality.repetition@1": "tamis.curate.quality:Repetition",
    "refusal@1": "tamis.curate.refusal:Refusal",
    "sample@1": "tamis.curate.sample:Sample",
    "semantic@1": "tamis.curate.semantic:Semantic",
    "spans@1": "tamis.curate.spans:Spans",
    "split@1": "tamis.curate.near:Split",
    "synth.backtranslate@1": "tamis.curate.synthesis:Backtranslate",
    "synth.evolve@1": "tamis.curate.synthesis:Evolve",
    "synth.instruct@1": "tamis.curate.synthesis:Instruct",
    "synth.preference@1": "tamis.curate.synthesis:Preference",
    "synth.rephrase@1": "tamis.curate.synthesis:Rephrase",
    "topics@1": "tamis.curate.semantic:Topics",
}


def stage_class(name: str, base: Path | None = None) -> type[Stage]:
    """The stage called `name`: `near@1`, `near` (its newest version) or `path/to/file.py:ClassName` from `base`.

    Raises UsageError where there is none, naming the nearest.
    """
    if ".py:" in name:
        return _own_stage(name, base or Path())
    if "@" not in name:
        name = max((n for n in STAGES if n.partition("@")[0] == name), key=_version, default=name)
    if name not in STAGES:
        near = get_close_matches(name, STAGES, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(STAGES))}"
        raise UsageError(f"no stage is called {name!r}; {hint}")
    module, _, attribute = STAGES[name].partition(":")
    found: type[Stage] = getattr(import_module(module), attribute)
    return found


def make(name: str, base: Path | None = None, **params: Any) -> Stage:
    """The stage called `name` with `params`. Raises UsageError for a parameter it does not have or a value that does not fit."""
    cls = stage_class(name, base)
    known = {f.name for f in fields(cls)}
    for param in params:
        if param not in known:
            near = get_close_matches(param, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known)) or 'none'}"
            if issubclass(cls, Derive) and param in {f.name for f in fields(Means)}:
                hint = f"how models are called is said to the run: --{param.replace('_', '-')}"
            raise UsageError(f"{name} has no parameter {param!r}; {hint}")
    try:
        return cls(**{param: fit(value, cls, param) for param, value in params.items()}).at(base or Path())
    except (TypeError, ValueError) as wrong:
        raise UsageError(f"{name}: {wrong}") from wrong
    except Exception as wrong:
        if ".py:" not in name:
            raise
        # The stage is the user's: whatever it raises is theirs to mend.
        raise UsageError(f"{name}: raised {type(wrong).__name__}: {wrong}") from wrong


def bare(name: str, base: Path | None = None) -> Stage:
    """The stage called `name` as its defaults have it, to be shown: one that cannot do without parameters is not checked."""
    cls = stage_class(name, base)
    stage = object.__new__(cls)
    for f in fields(cls):
        value = f.default_factory() if f.default_factory is not MISSING else f.default
        object.__setattr__(stage, f.name, None if value is MISSING else value)
    return stage


def import_own(files: Iterable[Path]) -> None:
    """Import the files of a user's own stages, as every worker process must."""
    for file in files:
        _module(file.resolve())


def import_sent(files: Mapping[Path, bytes]) -> None:
    """Import files that came with a task: where they lie, if they are the same there; else from a folder of this process."""
    for file, text in files.items():
        path = file.resolve()
        if not path.is_file() or path.read_bytes() != text:
            path = _sent_to() / path.name
            path.write_bytes(text)
        _module(path)


@cache
def _sent_to() -> Path:
    folder = TemporaryDirectory(prefix="tamis-stages-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _version(name: str) -> int:
    return int(name.partition("@")[2])


def _own_stage(name: str, base: Path) -> type[Stage]:
    """A user's own stage. Its module is registered, so that worker processes find it again."""
    file, _, attribute = name.rpartition(":")
    try:
        path = (base / file).resolve()
        if not path.is_file():
            raise UsageError(f"{name}: there is no file {path}")
    except OSError as error:
        raise UsageError(f"{name:.80}: there is no such file: {error.strerror}") from error
    cls = getattr(_module(path), attribute, None)
    if not (isinstance(cls, type) and issubclass(cls, Stage) and is_dataclass(cls)):
        raise UsageError(
            f"{name}: {attribute!r} is not a stage; it must be a frozen dataclass derived from tamis.Stage"
        )
    return cls


def _module(path: Path) -> ModuleType:
    name = f"tamis_own_{path.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not Python")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        # The file is the user's: whatever it raises is theirs to mend, and is told with its line.
        frames = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1] if frames else None
        raise RecipeError(f"raised {type(error).__name__}: {error}", path, line) from error
    for attribute, cls in vars(module).items():
        # Named here, not where the recipe names it: worker processes import the file alone.
        if isinstance(cls, type) and issubclass(cls, Stage) and cls.__module__ == name and "name" not in vars(cls):
            cls.name = f"{path.stem}.{attribute}"
    return module
