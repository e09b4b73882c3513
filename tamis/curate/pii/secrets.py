"""Secrets that look like nothing else: keys and tokens with a prefix, a length and an alphabet of their own.

The patterns are those of the plugins of detect-secrets that go by shape (its fork bc-detect-secrets, which is kept up), and
below those it does not have. Its plugins for entropy and for words beside a value are left out: on prose they are wrong more
often than right (18,140 findings in 100 documents). None of its checks against a server is ever called.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module

from tamis.curate.pii.gates import Gate, gate
from tamis.curate.pii.recogniser import Match
from tamis.extras import extra

MORE = (
    r"\bgithub_pat_[A-Za-z0-9_]{82}\b",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bhf_[A-Za-z]{34}\b",
    r"\bAIza[0-9A-Za-z_-]{35}",
    r"\bsk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{80,}",
    r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}",
    r"\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b",
    r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}",
    r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    r"\bya29\.[A-Za-z0-9_-]{30,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{28}",
    r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    r"\brubygems_[a-f0-9]{48}\b",
    r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b",
    r"\bdapi[a-f0-9]{32}(?:-\d)?\b",
    r"\bNRAK-[A-Z0-9]{27}\b",
    r"\bglsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}\b",
    r"\bhvs\.[A-Za-z0-9_-]{24,}",
    r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
    r"\bdckr_pat_[A-Za-z0-9_-]{27}",
    r"\blin_api_[A-Za-z0-9]{40}\b",
    r"\bntn_[A-Za-z0-9]{46}\b",
    r"\bATATT3[A-Za-z0-9_=-]{180,}",
    r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b",
    r"\bfigd_[A-Za-z0-9_-]{40,}",
    r"\bgsk_[A-Za-z0-9]{52}\b",
    r"\bxai-[A-Za-z0-9]{80}\b",
    r"\br8_[A-Za-z0-9]{37}\b",
    r"\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b",
    r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])",
    r"\b[rs]k_live_[0-9A-Za-z]{24,}",
    r"\bkey-[0-9a-f]{32}\b",
    r"\bHRKU-[A-Za-z0-9_-]{36,}",
    r"\bdp\.pt\.[A-Za-z0-9]{40,}",
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\\\s:,.()-]{1,20000}?"
    r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
)
"""GitHub, GitLab, Hugging Face, Google, Anthropic, OpenAI, Slack, DigitalOcean, Google, PyPI, RubyGems, Shopify, Databricks, New
Relic, Grafana, Vault, Terraform, Docker, Linear, Notion, Atlassian, Postman, Figma, Groq, xAI, Replicate, age, Telegram, Stripe,
Mailgun, Heroku, Doppler, and keys in PEM armour.
"""

DIFFERENT = 6
"""Characters that differ in a real secret, at least: xxxxxxxx stands for one."""

EXAMPLE = re.compile(
    r"^(?:<[^<>]*>|\[[^\[\]]*\]|\$?\{[^{}]*\}|\W*(?:your|my|some)?[-_ ]?(?:user|username|login)?[-_:]*"
    r"(?:pass(?:wo?rd|phrase|wd)?|pwd?|secret|token|key)\d{0,3}\W*)$|\.\.\.",
    re.IGNORECASE,
)
"""What stands for a secret in manuals: password, <password>, user:pass, three dots."""


class Secrets:
    """Token-shaped secrets of any kind."""

    name, entity = "Secrets", "SECRET"

    @cached_property
    def patterns(self) -> tuple[tuple[re.Pattern[str], bool], ...]:
        """Each pattern, and whether a match must be a JSON Web Token by form."""
        with extra("pii"):
            import detect_secrets.plugins as plugins
        modules = (
            import_module(f"{plugins.__name__}.{found.name}") for found in pkgutil.iter_modules(plugins.__path__)
        )
        classes = sorted(
            (name, cls)
            for module in modules
            for name, cls in inspect.getmembers(module, inspect.isclass)
            if cls.__module__ == module.__name__ and hasattr(cls, "denylist") and not inspect.isabstract(cls)
        )
        # Their plugins read line by line; so ^ and $ are the ends of lines.
        theirs = tuple(
            (re.compile(pattern.pattern, pattern.flags | re.MULTILINE), name == "JwtTokenDetector")
            for name, cls in classes
            for pattern in cls.denylist
        )
        return theirs + tuple((re.compile(pattern), False) for pattern in MORE)

    @cached_property
    def gate(self) -> Gate | None:
        """What every secret of these shapes matches."""
        gates = [gate([pattern.pattern], pattern.flags) for pattern, _ in self.patterns]
        return None if None in gates else tuple(dict.fromkeys(one for own in gates for one in own or ()))

    def find(self, text: str) -> Iterator[Match]:
        """Every secret in `text`; the value alone where the pattern says which part that is."""
        for pattern, is_jwt in self.patterns:
            for match in pattern.finditer(text):
                start, stop = _value(match)
                value = text[start:stop]
                if len(set(value)) >= DIFFERENT and not EXAMPLE.search(value) and not (is_jwt and not _is_jwt(value)):
                    yield Match(start, stop, 0.9)


def _value(match: re.Match[str]) -> tuple[int, int]:
    """The longest group where it is a value and no mere prefix, or else the whole match."""
    spans = [match.span(k + 1) for k in range(match.re.groups)]
    start, stop = max(spans, key=lambda s: s[1] - s[0], default=(0, 0))
    return (start, stop) if stop - start >= 8 else match.span()


def _is_jwt(value: str) -> bool:
    from detect_secrets.plugins.jwt import JwtTokenDetector

    return bool(JwtTokenDetector.is_formally_valid(value))
