"""How many secrets of each kind are found, and how often where there are none.

    python benchmarks/pii_secrets.py NAME=TEXTS[,TEXTS...]... [--rows 20000] [-o RESULT.json]

Secrets are made: random characters in the form that their issuer gives them, 50 of each kind, each in one of five surroundings (a
sentence, a shell line, YAML, JSON, a URL's query). One is found where findings of SECRET cover nine tenths of it. Whoever wrote
the forms knew the patterns: this shows that none is broken, not how many kinds of secrets there are. NAME=TEXTS: files in which
every finding is counted (JSON Lines or Parquet); some are printed, to be looked at.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pii_equality import drawn

from tamis.curate.pii import Detector

RESULTS = Path(__file__).parent / "results" / "pii_secrets.json"
EACH = 50
WORD, HEX, UPPER = string.ascii_letters + string.digits, "0123456789abcdef", string.ascii_uppercase + string.digits
URL = WORD + "_-"
AROUND = (
    "Use {} for the staging account, please.",
    "export TOKEN={}",
    "token: {}\n",
    '{{"key": "{}"}}',
    "https://x.org/a?k={}",
)

draw = random.Random(4)


def some(alphabet: str, count: int) -> str:
    """Random characters."""
    return "".join(draw.choices(alphabet, k=count))


def b64(count: int) -> str:
    """Random bytes as base64."""
    return base64.b64encode(draw.randbytes(count)).decode()


def armour(kind: str) -> str:
    """A key between its lines."""
    body = b64(600)
    lines = "\n".join(body[k : k + 64] for k in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def jwt() -> str:
    """A JSON Web Token."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": some("0123456789", 10), "iat": draw.randrange(10**9)})
    head = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*head, some(URL, 43)])


FORMS: dict[str, Callable[[], str]] = {
    "AWS access key id": lambda: "AKIA" + some(string.ascii_uppercase + "234567", 16),
    "AWS session key id": lambda: "ASIA" + some(string.ascii_uppercase + "234567", 16),
    "GitHub classic": lambda: "ghp_" + some(WORD, 36),
    "GitHub app": lambda: "ghs_" + some(WORD, 36),
    "GitHub fine-grained": lambda: f"github_pat_{some(WORD, 22)}_{some(WORD, 59)}",
    "GitLab": lambda: "glpat-" + some(URL, 20),
    "Slack bot": lambda: f"xoxb-{some('0123456789', 12)}-{some('0123456789', 12)}-{some(WORD, 24)}",
    "Slack webhook": lambda: f"https://hooks.slack.com/services/T{some(UPPER, 9)}/B{some(UPPER, 10)}/{some(WORD, 24)}",
    "Stripe secret": lambda: "sk_live_" + some(WORD, 24),
    "Stripe secret, long": lambda: "sk_live_51" + some(WORD, 97),
    "Stripe restricted": lambda: "rk_live_" + some(WORD, 24),
    "Twilio account": lambda: "AC" + some(HEX, 32),
    "SendGrid": lambda: f"SG.{some(URL, 22)}.{some(URL, 43)}",
    "Mailchimp": lambda: f"{some(HEX, 32)}-us{draw.randrange(1, 22)}",
    "npm": lambda: "npm_" + some(WORD, 36),
    "PyPI": lambda: "pypi-AgEIcHlwaS5vcmc" + some(URL, 120),
    "RubyGems": lambda: "rubygems_" + some(HEX, 48),
    "Hugging Face": lambda: "hf_" + some(string.ascii_letters, 34),
    "Google API key": lambda: "AIza" + some(URL, 35),
    "Google OAuth": lambda: "ya29." + some(URL, 120),
    "Google client secret": lambda: "GOCSPX-" + some(URL, 28),
    "OpenAI, old": lambda: f"sk-{some(WORD, 20)}T3BlbkFJ{some(WORD, 20)}",
    "OpenAI, project": lambda: f"sk-proj-{some(URL, 74)}T3BlbkFJ{some(URL, 74)}",
    "Anthropic": lambda: f"sk-ant-api03-{some(URL, 93)}AA",
    "DigitalOcean": lambda: "dop_v1_" + some(HEX, 64),
    "JSON Web Token": jwt,
    "Discord bot": lambda: f"M{some(WORD, 23)}.{some(URL, 6)}.{some(URL, 27)}",
    "Square": lambda: "sq0csp-" + some(URL, 43),
    "Azure storage key": lambda: b64(64),
    "password in a URL": lambda: f"postgres://admin:{some(WORD, 14)}@db.internal:5432/app",
    "Shopify": lambda: "shpat_" + some(HEX, 32),
    "Databricks": lambda: "dapi" + some(HEX, 32),
    "New Relic": lambda: "NRAK-" + some(UPPER, 27),
    "Grafana": lambda: f"glsa_{some(WORD, 32)}_{some(HEX, 8)}",
    "Vault": lambda: "hvs." + some(URL, 90),
    "Terraform": lambda: f"{some(WORD, 14)}.atlasv1.{some(WORD, 67)}",
    "Docker": lambda: "dckr_pat_" + some(URL, 27),
    "Linear": lambda: "lin_api_" + some(WORD, 40),
    "Telegram bot": lambda: f"{some('123456789', 10)}:AA{some(URL, 33)}",
    "age": lambda: "AGE-SECRET-KEY-1" + some("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "Mailgun": lambda: "key-" + some(HEX, 32),
    "Heroku": lambda: "HRKU-" + some(URL, 60),
    "Doppler": lambda: "dp.pt." + some(WORD, 43),
    "RSA key": lambda: armour("RSA PRIVATE KEY"),
    "PKCS #8 key": lambda: armour("PRIVATE KEY"),
    "OpenSSH key": lambda: armour("OPENSSH PRIVATE KEY"),
    "PGP key": lambda: armour("PGP PRIVATE KEY BLOCK"),
}


def recall(detector: Detector, form: Callable[[], str]) -> float:
    """Share of EACH secrets of a form that are found."""
    secrets = [form() for _ in range(EACH)]
    texts = [AROUND[k % len(AROUND)].format(secret) for k, secret in enumerate(secrets)]
    covered = [0] * EACH
    for f in detector.find(pa.array(texts)).found.to_pylist():
        start = texts[f["row"]].index(secrets[f["row"]])
        covered[f["row"]] += max(0, min(f["stop"], start + len(secrets[f["row"]])) - max(f["start"], start))
    # Of a password in a URL only the password is one.
    wanted = [14 if "://admin:" in secret else 0.9 * len(secret) for secret in secrets]
    return sum(c >= w for c, w in zip(covered, wanted, strict=True)) / EACH


def main() -> None:
    """Look, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpora", nargs="*", metavar="NAME=FILE,FILE...")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("-o", type=Path, default=RESULTS)
    args = parser.parse_args()
    detector = Detector(entities=("SECRET",))
    told: dict[str, Any] = {"recall": {name: recall(detector, form) for name, form in FORMS.items()}}
    print(told["recall"])
    for name, _, files in (corpus.partition("=") for corpus in args.corpora):
        rows = drawn(files, args.rows)
        found = detector.find(pa.array(rows)).found.to_pylist()
        words = sum(len(row.split()) for row in rows)
        told[f"found, {name}"] = {"texts": len(rows), "words": words, "findings": len(found)}
        print(name, told[f"found, {name}"])
        for f in draw.sample(found, min(12, len(found))):
            text = rows[f["row"]]
            print("   ", repr(text[max(0, f["start"] - 30) : f["start"]]), "|", repr(text[f["start"] : f["stop"]][:70]))
    args.o.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
