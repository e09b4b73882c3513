"""Two versions of a contract: for whom is a change breaking?

A reader takes data that keeps the contract; a writer makes it. A promise that is loosened breaks readers: they may meet what
they never met. One that is tightened breaks writers: what they write may not pass any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tamis.contracts.comparison import Comparison
from tamis.contracts.model import Contract, Measure, Metric, Property, Query, Review, Rule, Table

Way = Literal["tighter", "looser", "other", "harmless"]
"""What became of a promise: `other` is neither tighter nor looser, so it breaks both."""


@dataclass(frozen=True)
class Change:
    """One difference. `where`: table, property and word; `was` and `now` are None where there is nothing."""

    where: str
    says: str
    way: Way
    line: int | None = None
    """Of the newer contract."""

    @property
    def breaks(self) -> tuple[str, ...]:
        """readers, writers, both or nobody."""
        readers = ("readers",) if self.way in ("looser", "other") else ()
        writers = ("writers",) if self.way in ("tighter", "other") else ()
        return readers + writers

    def plain(self) -> dict[str, Any]:
        """As a dict."""
        return {
            "where": self.where,
            "change": self.says,
            "way": self.way,
            "breaks": list(self.breaks),
            "line": self.line,
        }


def changes(old: Contract, new: Contract) -> list[Change]:
    """What differs in what is promised, from `old` to `new`; what only documents is left out."""
    found = []
    before, after = ({t.name: t for t in c.tables} for c in (old, new))
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in after:
            found.append(Change(name, "the table is gone", "looser"))
        elif name not in before:
            found.append(Change(name, "a new table", "tighter", after[name].line))
        else:
            found += _table(before[name], after[name])
    return found


def _table(old: Table, new: Table) -> Iterator[Change]:
    yield from _properties(old.name, old.properties, new.properties)
    keys = tuple(p.name for p in old.key), tuple(p.name for p in new.key)
    if keys[0] != keys[1]:
        said = f"primary key ({', '.join(keys[0]) or 'none'}) becomes ({', '.join(keys[1]) or 'none'})"
        yield Change(old.name, said, "tighter" if not keys[0] else "looser" if not keys[1] else "other", new.line)
    yield from _rules(old.name, old.rules, new.rules)
    relations = [{r.id: r for r in t.relations} for t in (old, new)]
    yield from _named(old.name, relations[0], relations[1], "relationship", lambda a, b: _actions(old.name, a, b))
    services = [{(s.kind, s.column): s for s in t.services} for t in (old, new)]
    yield from _named(old.name, services[0], services[1], "service level", lambda a, b: _ages(old.name, a, b))


def _properties(owner: str, old: tuple[Property, ...], new: tuple[Property, ...]) -> Iterator[Change]:
    before, after = ({p.name: p for p in side} for side in (old, new))
    for name in [*before, *(n for n in after if n not in before)]:
        where = f"{owner}.{name}"
        if name not in after:
            yield Change(where, "the property is gone", "looser")
        elif name not in before:
            yield Change(where, "a new property", "tighter", after[name].line)
        else:
            yield from _property(where, before[name], after[name])


def _property(where: str, old: Property, new: Property) -> Iterator[Change]:
    def told(said: str, way: Way) -> Change:
        return Change(where, said, way, new.line)

    if old.column != new.column:
        yield told(f"column {old.column!r} becomes {new.column!r}", "other")
    if old.logical_type != new.logical_type:
        said = f"logicalType {old.logical_type or 'none'} becomes {new.logical_type or 'none'}"
        wider = (old.logical_type, new.logical_type) == ("integer", "number") or new.logical_type is None
        narrower = (old.logical_type, new.logical_type) == ("number", "integer") or old.logical_type is None
        yield told(said, "looser" if wider else "tighter" if narrower else "other")
    if old.physical_type != new.physical_type:
        said = f"physicalType {old.physical_type or 'none'} becomes {new.physical_type or 'none'}"
        yield told(said, "tighter" if old.physical_type is None else "looser" if new.physical_type is None else "other")
    for word in ("required", "unique"):
        was, now = getattr(old, word), getattr(new, word)
        if was != now:
            yield told(f"{word} becomes {str(now).lower()}", "tighter" if now else "looser")
    for word in sorted(old.options.keys() | new.options.keys()):
        was, now = old.options.get(word), new.options.get(word)
        if was != now:
            yield told(f"{word} {_show(was)} becomes {_show(now)}", _option(word, was, now))
    if old.enum != new.enum:
        yield told(f"values {_show(old.enum)} become {_show(new.enum)}", _values(old.enum, new.enum))
    if (old.classification or "").lower() != (new.classification or "").lower():
        said = f"classification {old.classification or 'none'} becomes {new.classification or 'none'}"
        hidden = new.is_public != old.is_public
        yield told(said, "harmless" if not hidden else "looser" if new.is_public else "tighter")
    if old.action != new.action:
        yield told(f"action {old.action} becomes {new.action}", _action(old.action, new.action))
    yield from _properties(where, old.properties, new.properties)
    if old.items and new.items:
        yield from _property(f"{where}[]", old.items, new.items)
    elif old.items or new.items:
        yield told(
            "items are described" if new.items else "items are no longer described",
            "tighter" if new.items else "looser",
        )
    yield from _rules(where, old.rules, new.rules)


_MORE = {"minLength", "minItems", "minimum", "exclusiveMinimum"}
"""Options of which more is tighter."""

_LESS = {"maxLength", "maxItems", "maximum", "exclusiveMaximum"}


def _option(word: str, was: Any, now: Any) -> Way:
    if was is None or now is None:
        return "tighter" if was is None else "looser"
    if word == "required":
        return _values(tuple(now), tuple(was))
    if word in ("uniqueItems", "timezone") or word not in _MORE | _LESS:
        step = word == "multipleOf" and isinstance(was, int) and isinstance(now, int)
        return "tighter" if step and now % was == 0 else "looser" if step and was % now == 0 else "other"
    try:
        return "tighter" if (now > was) == (word in _MORE) else "looser"
    except TypeError:
        return "other"


def _values(was: tuple[Any, ...] | None, now: tuple[Any, ...] | None) -> Way:
    """Fewer allowed values are tighter; none named allows all."""
    if was is None or now is None:
        return "tighter" if was is None else "looser"
    before, after = ({(type(v).__name__, v) for v in side} for side in (was, now))
    if before == after:
        return "harmless"
    return "tighter" if after < before else "looser" if after > before else "other"


def _action(was: str, now: str) -> Way:
    if "warn" in (was, now):
        return "looser" if now == "warn" else "tighter"
    return "harmless"  # the data that passes is the same: a row is set aside or the whole is refused


def _rules(where: str, old: tuple[Rule, ...], new: tuple[Rule, ...]) -> Iterator[Change]:
    sides = [{rule.id: rule for rule in side if not isinstance(rule, Review)} for side in (old, new)]
    yield from _named(where, sides[0], sides[1], "rule", lambda a, b: _rule(where, a, b))
    told = [{r.id: r.text for r in side if isinstance(r, Review)} for side in (old, new)]
    if told[0] != told[1]:
        yield Change(where, "what a person is to look at has changed", "harmless")


def _named(
    where: str, old: dict[Any, Any], new: dict[Any, Any], what: str, both: Callable[[Any, Any], Iterator[Change]]
) -> Iterator[Change]:
    for name in [*old, *(n for n in new if n not in old)]:
        one = old.get(name) or new[name]
        if name in old and name in new:
            yield from both(old[name], new[name])
            continue
        way: Way = "harmless" if one.action == "warn" else "looser" if name in old else "tighter"
        yield Change(
            where, f"{what} {one.id!r} is {'gone' if name in old else 'new'}", way, None if name in old else one.line
        )


def _rule(where: str, old: Any, new: Any) -> Iterator[Change]:
    if type(old) is not type(new) or _measured(old) != _measured(new):
        values = isinstance(old, Metric) and isinstance(new, Metric) and old.metric == new.metric == "invalidValues"
        way = _values(old.values, new.values) if values and old.pattern == new.pattern else "other"
        yield Change(where, f"rule {new.id!r} measures something else", way, new.line)
    elif old.promised != new.promised:
        way = _promise(old.promised, new.promised)
        yield Change(where, f"rule {new.id!r}: {old.promised.says} becomes {new.promised.says}", way, new.line)
    yield from _actions(where, old, new)


def _measured(rule: Metric | Query | Measure) -> tuple[Any, ...]:
    if isinstance(rule, Metric):
        return rule.metric, rule.values, rule.pattern, rule.columns
    return (rule.text,) if isinstance(rule, Query) else (rule.name, sorted(rule.arguments.items(), key=lambda a: a[0]))


def _promise(was: Comparison, now: Comparison) -> Way:
    """By the numbers that are right: fewer of them are tighter."""
    a, b = _span(was), _span(now)
    if a is None or b is None or was.unit != now.unit:
        return "other"
    inside, around = (b[0] >= a[0] and b[1] <= a[1]), (b[0] <= a[0] and b[1] >= a[1])
    return "tighter" if inside and not around else "looser" if around and not inside else "other"


_BELOW, _ABOVE = -1, 1


def _span(compared: Comparison) -> tuple[tuple[float, int], tuple[float, int]] | None:
    """Lowest and highest number that is right, each with whether it is just beside it; None where they are two spans."""
    bound = compared.bound if isinstance(compared.bound, tuple) else (compared.bound, compared.bound)
    least, most = (float("-inf"), 0), (float("inf"), 0)
    return {
        "mustBe": ((bound[0], 0), (bound[0], 0)),
        "mustBeBetween": ((bound[0], 0), (bound[1], 0)),
        "mustBeGreaterThan": ((bound[0], _ABOVE), most),
        "mustBeGreaterOrEqualTo": ((bound[0], 0), most),
        "mustBeLessThan": (least, (bound[0], _BELOW)),
        "mustBeLessOrEqualTo": (least, (bound[0], 0)),
    }.get(compared.operator)


def _actions(where: str, old: Any, new: Any) -> Iterator[Change]:
    if old.action != new.action:
        yield Change(
            where, f"{new.id!r}: action {old.action} becomes {new.action}", _action(old.action, new.action), new.line
        )


def _ages(where: str, old: Any, new: Any) -> Iterator[Change]:
    if old.age != new.age:
        way: Way = "tighter" if new.age < old.age else "looser"
        yield Change(f"{where}.{new.column}", f"{new.kind} {old.says} becomes {new.says}", way, new.line)
    yield from _actions(f"{where}.{new.column}", old, new)


def _show(value: Any) -> str:
    if value is None:
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
