"""Object storage, against a real S3-compatible server and with what goes wrong before it."""

from __future__ import annotations

import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from storing_gs import gs_server
from storing_s3 import S3, free_port

from tamis.data.storage import (
    Remote,
    at,
    claimed,
    claims,
    environment,
    fetch,
    is_remote,
    listed,
    located,
    put,
    put_file,
    stored,
)
from tamis.data.storage.environment import check_environment
from tamis.data.storage.ranges import open_ranges
from tamis.data.storage.refusals import storage_errors
from tamis.errors import InputError, OutputError, UsageError

LARGE = bytes(range(256)) * 4096 * 11  # 11 MB: several parts


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://b/k/x.jsonl", Remote("s3", "b", "k/x.jsonl")),
        ("S3://b/k/", Remote("s3", "b", "k")),
        ("gs://b", Remote("gs", "b")),
        ("s3://b/a b%20c#d?e", Remote("s3", "b", "a b%20c#d?e")),
        ("file:///data/a%20b", Path("/data/a b")),
        ("file://localhost/data", Path("/data")),
        ("data/x.jsonl", Path("data/x.jsonl")),
        (Path("s3://b/k"), Remote("s3", "b", "k")),
    ],
)
def test_a_place_is_a_path_or_a_uri(text: str, place: Path | Remote) -> None:
    assert located(text) == place
    assert is_remote(text) == isinstance(place, Remote)


@pytest.mark.parametrize("text", ["s3://", Path("s3://"), "gs:///k"])
def test_a_uri_without_a_bucket_is_told_what_is_missing(text: str | Path) -> None:
    assert is_remote(text)
    with pytest.raises(UsageError, match=r"names no bucket; write (s3|gs)://BUCKET/KEY"):
        located(text)


@pytest.mark.parametrize("text", ["s3:///k", "s3a://b/k", "https://host/x.jsonl", "hdfs://host/x", "file://host/x"])
def test_a_place_that_cannot_be_read_says_what_to_do(text: str) -> None:
    with pytest.raises(UsageError, match=r"write|download|copy"):
        located(text)


def test_a_uri_reads_as_it_was_written_and_travels(s3: S3) -> None:
    remote = at("s3://bucket/a b/ü%41.txt")
    put(remote, b"here")
    assert str(remote) == "s3://bucket/a b/ü%41.txt" and (remote.name, remote.stem, remote.suffix) == (
        "ü%41.txt",
        "ü%41",
        ".txt",
    )
    assert pickle.loads(pickle.dumps(remote)).read_bytes() == b"here"


def test_what_is_put_is_listed_and_read_whole(s3: S3, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    put_file(at("s3://bucket/x/large"), tmp_path / "large")
    put(at("s3://bucket/x/y/small"), b"small")
    put(at("s3://bucket/xy"), b"beside")
    assert [(str(o.remote), o.bytes) for o in listed(at("s3://bucket/x"))] == [
        ("s3://bucket/x/large", len(LARGE)),
        ("s3://bucket/x/y/small", 5),
    ]
    assert at("s3://bucket/x/large").read_bytes() == LARGE
    assert stored(at("s3://bucket/x")) is None and listed(at("s3://bucket/none")) == []


def test_a_small_object_is_one_request(s3: S3) -> None:
    put(at("s3://bucket/small.gz"), b"x" * 100_000)
    assert s3.asked == [("PUT", "/bucket/small.gz")]


def test_any_range_can_be_read(s3: S3) -> None:
    put(at("s3://bucket/large"), LARGE)
    with at("s3://bucket/large").open(until=6 << 20) as file:
        for start, size in [(0, 10), (9 << 20, 70_000), (5, 6 << 20), (len(LARGE) - 3, 10), (len(LARGE) + 5, 1)]:
            file.seek(start)
            assert file.read(size) == LARGE[start : start + size]


def test_nothing_is_read_ahead_beyond_what_is_wanted(s3: S3) -> None:
    put(at("s3://bucket/large"), LARGE)
    with at("s3://bucket/large").open(until=1 << 20) as file:
        assert len(file.read(1 << 20)) == 1 << 20
    assert len([asked for asked in s3.asked if asked[0] == "GET"]) == 2


@pytest.mark.parametrize("fault", ["503", "500", "reset", "cut", "wait:0.3"])
def test_a_passing_fault_is_survived(s3: S3, tmp_path: Path, fault: str) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    s3.faults = {1: fault, 3: fault, 6: fault}
    put_file(at("s3://bucket/large"), tmp_path / "large")
    assert at("s3://bucket/large").read_bytes() == LARGE


def test_what_breaks_off_again_and_again_is_an_error(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    put(at("s3://bucket/small"), b"small")
    s3.faults = lambda number, method, path: "cut" if method == "GET" else None
    with pytest.raises(InputError, match=r"cannot read s3://bucket/small: .* 2 tries were made"):
        at("s3://bucket/small").read_bytes()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"AWS_SECRET_ACCESS_KEY": "wrong"},
            r"access denied .* found were AWS_ACCESS_KEY_ID \(tami…\) in the environment",
        ),
        (
            {"AWS_ACCESS_KEY_ID": ""},
            "no credentials were found .*: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or",
        ),
        (
            {"AWS_SECRET_ACCESS_KEY": ""},
            "no credentials were found .*: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, r"http://127.0.0.1:9 cannot be reached .* 2 tries were made"),
    ],
)
def test_a_refusal_says_what_was_found(
    s3: S3, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], says: str
) -> None:
    put(at("s3://bucket/small"), b"small")
    for name, value in {"AWS_MAX_ATTEMPTS": "2", **changed}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=says):
        at("s3://bucket/small").read_bytes()


@pytest.mark.parametrize(
    ("name", "says"),
    [("AWS_ACCESS_KEY_ID", "does not know the credentials"), ("AWS_SECRET_ACCESS_KEY", "does not fit")],
)
def test_wrong_keys_are_no_bucket_that_is_not_there(
    s3: S3, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setenv(name, "wrong")
    for place in ("s3://bucket", "s3://bucket/signatures/403"):
        with pytest.raises(InputError, match=says):
            listed(at(place))
    with pytest.raises(OutputError, match=says):
        put(at("s3://bucket/x"), b"")


def test_a_server_without_tls_is_told_by_its_answer(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("http:", "https:"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(InputError, match="does not speak TLS, which https:// asks for; name it with http://"):
        listed(at("s3://bucket"))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"AWS_ENDPOINT_URL": "127.0.0.1:9"},
            "AWS_ENDPOINT_URL is '127.0.0.1:9', .* write http://127.0.0.1:9, or https",
        ),
        ({"AWS_ENDPOINT_URL_S3": "localhost:9"}, "AWS_ENDPOINT_URL_S3 is 'localhost:9'"),
        ({"AWS_PROFILE": "nope", "AWS_ACCESS_KEY_ID": ""}, "AWS_PROFILE is 'nope', and there is no such profile in"),
        ({"AWS_ENDPOINT_URL": ""}, "no bucket of AWS is called 'B!T'; a name has 3 or more letters"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anybody_is_asked(
    s3: S3, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], says: str
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    for reach in (lambda: listed(at("s3://B!T/x")), lambda: put(at("s3://B!T/x"), b"")):
        with pytest.raises(UsageError, match=says):
            reach()
    assert s3.asked == []


@pytest.mark.parametrize("head", ["[nope]", "[profile nope]", '[ profile "nope" ]'])
def test_a_profile_that_a_file_has_is_taken(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    keys = f"aws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n"
    (tmp_path / "config").write_text(f"[default]\n{head}\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "nope")
    check_environment("s3")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    check_environment("s3")


def test_servers_of_ones_own_have_their_own_rules_for_names(s3: S3) -> None:
    (s3.folder / "BUCKET_").mkdir()
    put(at("s3://BUCKET_/x"), b"here")
    assert at("s3://BUCKET_/x").read_bytes() == b"here"


def test_a_bucket_that_is_not_there_is_said(s3: S3) -> None:
    with pytest.raises(OutputError, match=r"there is no bucket 'none' at http://127.0.0.1"):
        put(at("s3://none/x"), b"")
    with pytest.raises(InputError, match="there is no bucket 'none'"):
        listed(at("s3://none"))
    with pytest.raises(FileNotFoundError):
        at("s3://bucket/none").read_bytes()


def test_storage_that_is_overloaded_for_good_is_given_up_within_bounds(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    s3.faults = lambda number, method, path: "503"
    began = time.monotonic()
    with pytest.raises(OutputError, match="overloaded: 3 tries failed"):
        put(at("s3://bucket/x"), b"x")
    assert time.monotonic() - began < 20 and len(s3.asked) == 3


def test_a_fetched_file_has_the_digest_that_was_wanted_or_is_not_there(s3: S3, tmp_path: Path) -> None:
    put(at("s3://bucket/x"), b"other")
    with pytest.raises(InputError, match="is not what was written: its sha256 is"):
        fetch(at("s3://bucket/x"), tmp_path / "x", "0" * 64)
    assert list(tmp_path.iterdir()) == []
    assert fetch(at("s3://bucket/x"), tmp_path / "sub/x").read_bytes() == b"other"


def test_a_place_is_held_by_one_process_at_a_time(s3: S3) -> None:
    with claimed(at("s3://bucket/run/lock"), "the run at s3://bucket/run") as held:
        with (
            pytest.raises(OutputError, match=f"another process is writing the run at .*: pid {os.getpid()} on"),
            claimed(at("s3://bucket/run/lock"), "the run at s3://bucket/run"),
        ):
            pass
        held.check()
    with claimed(at("s3://bucket/run/lock"), "it") as again:
        again.check()


def _someone(**more: object) -> None:
    put(at("s3://bucket/lock/someone.json"), json.dumps({"host": "far", "pid": 7, **more}).encode())


def test_a_process_of_this_machine_that_died_holds_nothing(s3: S3) -> None:
    _someone(machine=claims._machine(), pid=2**22 + 1, born="5")
    with claimed(at("s3://bucket/lock"), "it") as held:
        held.check()
    assert json.loads(at("s3://bucket/lock/someone.json").read_bytes())["over"] == "taken for dead"


def test_who_is_silent_for_long_by_the_clock_of_the_storage_is_dead(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    _someone()
    with pytest.raises(OutputError, match="pid 7 on far, last heard of"), claimed(at("s3://bucket/lock"), "it"):
        pass
    monkeypatch.setattr(claims, "DEAD", -1.0)
    with claimed(at("s3://bucket/lock"), "it") as held:
        held.check()


def test_who_was_taken_for_dead_commits_nothing(s3: S3) -> None:
    with claimed(at("s3://bucket/lock"), "it") as held:
        put(held.remote, b'{"over": "taken for dead"}')
        with pytest.raises(OutputError, match=r"taken for dead .* nothing was committed"):
            held.check()


def test_google_cloud_storage_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    with gs_server():
        put_file(at("gs://bucket/x/large"), tmp_path / "large")
        put(at("gs://bucket/x/small"), b"small")
        assert [o.bytes for o in listed(at("gs://bucket/x"))] == [len(LARGE), 5]
        assert at("gs://bucket/x/large").read_bytes() == LARGE and stored(at("gs://bucket/x")) is None
        with (
            claimed(at("gs://bucket/lock"), "it"),
            pytest.raises(OutputError, match="another process"),
            claimed(at("gs://bucket/lock"), "it"),
        ):
            pass
        with pytest.raises(OutputError, match="there is no bucket 'none' at http"):
            put(at("gs://none/x"), b"")


@pytest.fixture
def no_google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has nothing to do with Google."""
    for name in ("STORAGE_EMULATOR_HOST", "CLOUD_STORAGE_EMULATOR_ENDPOINT", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_GCLOUD_ADC_PATH_OVERRIDE", str(tmp_path / "none.json"))
    monkeypatch.setenv("GCE_METADATA_ROOT", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(environment, "METADATA_SECONDS", 0.0)


@pytest.mark.usefixtures("no_google")
def test_without_credentials_google_is_not_asked(tmp_path: Path) -> None:
    says = rf"no credentials were found: GOOGLE_APPLICATION_CREDENTIALS is not set, .* {tmp_path}/none.json, .*no metadata server"
    with pytest.raises(InputError, match=f"cannot list gs://bucket/x: {says}"):
        listed(at("gs://bucket/x"))
    with pytest.raises(OutputError, match=f"cannot write gs://bucket/x: {says}"):
        put(at("gs://bucket/x"), b"")


@pytest.mark.usefixtures("no_google")
def test_credentials_of_google_that_do_not_do_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    with pytest.raises(UsageError, match=f"the credentials file {file} is not there"):
        listed(at("gs://bucket/x"))
    file.write_text('{"type": "other"}')
    with pytest.raises(
        InputError, match=rf"no access token .*\(Unsupported credential type \(other\) .*found were those in {file}"
    ):
        listed(at("gs://bucket/x"))


def test_google_that_does_not_answer_is_said_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(
        InputError, match=r"cannot be reached \([^()]*\(\) - CURL error[^()]*\); tries for 4 s were made"
    ):
        listed(at("gs://bucket/x"))


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (
            "google::cloud::Status(PERMISSION_DENIED: me@x does not have storage.objects.list access to the Google Cloud Storage "
            "bucket. Permission 'storage.objects.list' denied on resource (or it may not exist). error_info={reason=forbidden})",
            "there is no bucket 'bucket', or not one that these credentials may use: access denied",
        ),
        (
            "google::cloud::Status(UNAVAILABLE: Could not create a OAuth2 access token to authenticate the request. The underlying "
            "error message was: PerformWork() - CURL error [6]=Could not resolve hostname error_info={})",
            r"no access token was had from Google \(PerformWork\(\) - CURL error \[6\]=Could not resolve hostname\)",
        ),
    ],
)
def test_what_google_says_is_understood(said: str, says: str) -> None:
    with pytest.raises(InputError, match=says), storage_errors(at("gs://bucket/x"), "list"):
        raise OSError(said)


def test_one_name_at_two_servers_is_worked_on_in_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tamis.data.storage.scratch import scratch_of

    monkeypatch.setenv("TAMIS_SCRATCH", str(tmp_path))
    folders = set()
    for port in (9001, 9002):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        folders.add(scratch_of(at("s3://bucket/runs/one")))
    assert len(folders) == 2


@pytest.mark.parametrize(("breaks", "whole"), [(1, True), (4, False)])
def test_an_answer_that_breaks_off_is_asked_for_again(s3: S3, breaks: int, whole: bool) -> None:
    put(at("s3://bucket/x"), b"here")
    with open_ranges(at("s3://bucket/x")) as file:
        file.raw._native = Breaking(file.raw._native, breaks)  # type: ignore[attr-defined]
        if whole:
            assert file.read() == b"here"
        else:
            with pytest.raises(InputError, match="Failed to flush response stream"):
                file.read()


class Breaking:
    """A file of object storage whose first answers break off: in the SDK that is a matter of timing, which nobody can cause."""

    def __init__(self, native: Any, breaks: int) -> None:
        self.native, self.breaks = native, breaks

    def read_at(self, wanted: int, start: int) -> bytes:
        if self.breaks:
            self.breaks -= 1
            raise OSError("AWS Error INTERNAL_FAILURE during GetObject operation: Failed to flush response stream")
        data: bytes = self.native.read_at(wanted, start)
        return data

    def close(self) -> None:
        self.native.close()
