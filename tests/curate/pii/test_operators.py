"""What is put in the place of a finding: the same for the same value, and nothing that would be found again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.curate.pii.operators import MARK, Operators
from tamis.curate.pii.pseudonym import check_digest, normalised, read_key
from tamis.curate.pii.surrogates import CARDS, IBANS, RESERVED, is_reserved, surrogate
from tamis.errors import UsageError

KEY = b"a key of more than sixteen bytes"


@pytest.mark.parametrize(
    "operator, put",
    [
        ("tag", "<EMAIL_ADDRESS>"),
        ("redact", ""),
        ("mask", "*** *@*.***"),
        ("pseudonym", "<EMAIL_ADDRESS:wpberzxdfigbhbfi>"),
        ("surrogate", "kai.wpberz@example.com"),
    ],
)
def test_an_operator_says_what_is_put_there(operator: str, put: str) -> None:
    made = Operators(operator, key=KEY).replace("EMAIL_ADDRESS", "Ann a@b.org")  # type: ignore[arg-type]
    assert made == put


def test_an_entity_may_have_an_operator_of_its_own() -> None:
    own = Operators("tag", {"US_SSN": "redact"})
    assert (own.replace("US_SSN", "1"), own.replace("URL", "1")) == ("", "<URL>")


@pytest.mark.parametrize(
    "entity, spellings",
    [
        ("EMAIL_ADDRESS", ["ann@b.org", "Ann@B.ORG", "ａｎｎ@b.org"]),
        (
            "PHONE_NUMBER",
            ["(212) 867-5309", "+1 212 867 5309", "0012128675309", "２１２ 867 5309 ext. 4", "٢١٢٨٦٧٥٣٠٩"],
        ),
        ("CREDIT_CARD", ["4111 1111 1111 1111", "4111-1111-1111-1111"]),
        ("IBAN_CODE", ["gb82 west 1234 5698 7654 32", "GB82WEST12345698765432"]),
        ("IP_ADDRESS", ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"]),
        ("PERSON", ["Ann  Bee", "ANN BEE"]),
    ],
)
def test_two_spellings_of_a_value_have_one_pseudonym(entity: str, spellings: list[str]) -> None:
    made = {Operators("pseudonym", key=KEY).replace(entity, found) for found in spellings}
    assert len(made) == 1 and MARK.fullmatch(made.pop())


@given(st.text(), st.text())
def test_other_values_entities_and_keys_have_other_pseudonyms(a: str, b: str) -> None:
    def made(entity: str, found: str, key: bytes = KEY) -> str:
        return Operators("pseudonym", key=key).replace(entity, found).partition(":")[2]

    assert (made("PERSON", a) == made("PERSON", b)) == (normalised("PERSON", a) == normalised("PERSON", b))
    assert made("PERSON", a) != made("LOCATION", a)
    assert made("PERSON", a) != made("PERSON", a, KEY[::-1])


VALUES: Mapping[str, str] = {
    "EMAIL_ADDRESS": "ann@b.org",
    "IP_ADDRESS": "8.8.8.8",
    "PHONE_NUMBER": "+1 (212) 867-5309",
    "US_SSN": "078-05-1121",
    "CREDIT_CARD": "4532 0151 1283 0366",
    "IBAN_CODE": "GB33BUKB20201555555555",
    "CRYPTO": "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ",
    "URL": "https://b.org/ann",
}


@pytest.mark.parametrize("entity", sorted(RESERVED))
@given(digest=st.binary(min_size=32, max_size=32))
def test_a_surrogate_is_of_a_reserved_range(entity: str, digest: bytes) -> None:
    assert is_reserved(entity, surrogate(entity, VALUES[entity], digest))
    assert not is_reserved(entity, VALUES[entity])


def test_a_seed_draws_surrogates_where_there_is_no_key() -> None:
    drawn = [Operators("surrogate", seed=seed).replace("EMAIL_ADDRESS", "ann@b.org") for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_address_of_another_version_stays_one() -> None:
    assert Operators("surrogate").replace("IP_ADDRESS", "2a00:1450::71").startswith("2001:db8::")


def test_a_value_without_a_reserved_range_is_tagged() -> None:
    assert Operators("surrogate").replace("PERSON", "Ann Bee") == "<PERSON>"


@pytest.mark.parametrize("card", CARDS)
def test_a_test_card_passes_for_one(card: str) -> None:
    digits = [int(d) for d in card[::-1]]
    assert sum(d if k % 2 == 0 else sum(divmod(2 * d, 10)) for k, d in enumerate(digits)) % 10 == 0


@pytest.mark.parametrize("iban", IBANS)
def test_an_example_of_an_account_passes_for_one(iban: str) -> None:
    assert int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def test_a_digest_holds_no_key_and_needs_one() -> None:
    assert Operators().digest("URL", "x") is None
    assert re.fullmatch("[0-9a-f]{16}", Operators(key=KEY).digest("URL", "x") or "")
    assert check_digest(KEY) != check_digest(KEY[::-1])
    assert KEY.decode() not in repr(Operators(key=KEY))


def test_a_key_is_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    monkeypatch.setenv("SOME_KEY", KEY.decode())
    assert read_key(None, "key", tmp_path) == read_key("SOME_KEY", None) == KEY
    assert read_key(None, None) is None


@pytest.mark.parametrize(
    "env, file, says",
    [
        ("NO_SUCH_KEY", None, "the environment variable NO_SUCH_KEY holds no key; make one with"),
        (None, "nowhere", "nowhere cannot be read: No such file"),
        (None, "short", "has 5 bytes; 16 at least"),
        ("A", "b", "name one"),
    ],
)
def test_a_key_that_cannot_be_had_is_told(env: str | None, file: str | None, says: str, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    with pytest.raises(UsageError, match=says):
        read_key(env, file, tmp_path)
