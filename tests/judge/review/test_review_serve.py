"""The page of raters over a real socket: who gets in, what is on disk, and what a browser with two raters leaves behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from driving import Browser
from making import NASTY
from reviewing import MODELS, Hosted, Serving, answered, exported, free_port, key_of, saved

from tamis.errors import InputError, UsageError
from tamis.judge.review.room import Room

Cli = Callable[..., tuple[int, str]]


def ask(
    server: Hosted | Serving, path: str, cookie: str | None = None, body: Any = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer; with `body` a POST as the page sends it. A header of None is left away."""
    own = {"Host": f"127.0.0.1:{server.port}"}
    if cookie is not None:
        own["Cookie"] = f"tamis_review_{server.port}={cookie}"
    if body is not None:
        own |= {"Origin": f"http://127.0.0.1:{server.port}", "Content-Type": "application/json", "X-Tamis-Review": "1"}
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.putrequest("GET" if body is None else "POST", path, skip_host=True)
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    for name, value in {**own, "Content-Length": str(len(data))}.items():
        line.putheader(name, value)
    line.endheaders(data)
    got = line.getresponse()
    text = got.read().decode()
    line.close()
    return got.status, text, dict(got.getheaders())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("serving")
    exported(folder, answered(3, MODELS[:2]))
    with Hosted(folder / "review", "ann", "bob") as own:
        yield own


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, the same for all tests: cookies are of a port."""
    with Browser(tmp_path_factory.mktemp("browser")) as own:
        yield own


PATHS = [
    "/",
    "/page.css",
    "/page.js",
    "/state",
    "/task/1",
    "/answer",
    "/enter",
    "/enter?token=",
    "/nothing",
    "/form.json",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("cookie", [None, "", "0" * 64, "é", "\udcff"])
def test_nobody_without_the_token_gets_in(path: str, cookie: str | None, server: Hosted) -> None:
    status, text, headers = ask(server, path, cookie and cookie.encode("utf-8", "surrogateescape").decode("latin-1"))
    assert status == 403 and "Question" not in text
    assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store"


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(server: Hosted) -> None:
    status, text, headers = ask(server, f"/enter?token={server.token['ann']}")
    assert status == 200 and server.token["ann"] not in text
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["Set-Cookie"].split("; "))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""])
def test_a_name_that_was_made_to_point_here_gets_nothing(host: str, server: Hosted) -> None:
    assert ask(server, "/state", server.token["ann"], Host=host)[0] == 403


@pytest.mark.parametrize(
    "path", ["/../form.json", "/task/../../etc/passwd", "/task/%2e%2e%2fform.json", "/..%2f", "//etc/passwd"]
)
def test_no_path_leads_out(path: str, server: Hosted) -> None:
    status, text, _ = ask(server, path, server.token["ann"])
    assert status == 404 and "root:" not in text and "question" not in text


CROSS = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Content_Type": "text/plain"},
    {"X_Tamis_Review": "0"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
def test_another_site_cannot_answer(headers: dict[str, str], server: Hosted) -> None:
    body = {"task": "1", "rater": "ann", "label": "first"}
    assert ask(server, "/answer", server.token["ann"], body, **headers)[0] == 403


WRONG: list[tuple[Any, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"[" * 100_000, 400),
    (b'"x"', 400),
    ({"task": "1", "rater": "bob", "label": "first"}, 409),
    ({"task": "9", "rater": "ann", "label": "first"}, 400),
    ({"task": "1", "rater": "ann", "label": "best"}, 400),
    ({"task": "1", "rater": "ann", "label": "tie", "note": "x" * 20_000}, 400),
    (b"x" * 200_000, 413),
]


@pytest.mark.parametrize(("body", "status"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_answer_is_refused(body: Any, status: int, server: Hosted) -> None:
    assert ask(server, "/answer", server.token["ann"], body)[0] == status


def test_a_body_that_is_not_packed_as_it_says_is_refused(server: Hosted) -> None:
    assert ask(server, "/answer", server.token["ann"], b"not gzip", Content_Encoding="gzip")[0] == 400


def test_an_answer_is_saved_once_however_often_it_is_sent(tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    with Hosted(tmp_path / "review", "ann", log="own.jsonl") as server:
        for label, times in (("first", 3), ("tie", 2)):
            for _ in range(times):
                assert (
                    ask(server, "/answer", server.token["ann"], {"task": "2", "rater": "ann", "label": label})[0] == 200
                )
    assert [(r["label"], r["revision"]) for r in saved(tmp_path / "review/own.jsonl")] == [("first", 0), ("tie", 1)]


def test_what_was_said_to_be_saved_outlives_kill_9(tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    with Serving(tmp_path / "review", "ann") as server:
        ask(server, "/answer", server.token["ann"], {"task": "2", "rater": "ann", "label": "tie", "note": "é"})
        server.kill()
    log = tmp_path / "review/labels.jsonl"
    with log.open("ab") as file:
        file.write(b'{"task": "3", "rater": "ann", "la')
    with Serving(tmp_path / "review", "ann") as again:
        assert "labels.jsonl:2: not JSON" in again.said and again.token == server.token
        state = json.loads(ask(again, "/state", again.token["ann"])[1])
    assert state["votes"] == {"2": {"label": "tie", "scores": {}, "note": "é"}}


def test_a_full_disk_is_told_and_nothing_half_stays(tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    room = Room(tmp_path / "review", tmp_path / "log.jsonl", ["ann"])
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, before[1]))
        with pytest.raises(Exception, match=r"log\.jsonl"):
            room.save("ann", {"task": "1", "label": "tie"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "log.jsonl").read_bytes() == b"" and room.votes["ann"] == {}
    room.log.close()


@pytest.mark.parametrize("names", [["ann", "ann"], ["Ann", "ann"], ["ann", " ann"], ["ａnn", "ann"], [""], []])
def test_raters_that_cannot_be_told_apart_are_refused(names: list[str], tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    with pytest.raises(UsageError):
        Room(tmp_path / "review", tmp_path / "log.jsonl", names)


def test_the_secret_of_the_tokens_is_for_its_owner_alone(tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    Room(tmp_path / "review", tmp_path / "log.jsonl", ["ann"]).log.close()
    (secret,) = [p for p in tmp_path.iterdir() if p.name.endswith(".secret")]
    assert secret.stat().st_mode & 0o777 == 0o600


def test_an_export_is_served_from_within_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    Room(tmp_path / "review", tmp_path / "log.jsonl", ["ann"]).log.close()
    before = (tmp_path / ".review.secret").read_bytes()
    monkeypatch.chdir(tmp_path / "review")
    Room(Path(), tmp_path / "log.jsonl", ["ann"]).log.close()
    assert (tmp_path / ".review.secret").read_bytes() == before


@pytest.mark.parametrize("row", [{"task": ["1"], "votes": []}, {"task": "1", "votes": [5]}, {"task": "1"}])
def test_what_is_no_conflict_is_refused(row: Any, tmp_path: Path) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    (tmp_path / "c.jsonl").write_text(json.dumps(row))
    with pytest.raises(InputError, match="no conflict of this export"):
        Room(tmp_path / "review", tmp_path / "log.jsonl", ["ann"], tmp_path / "c.jsonl")


def test_a_port_that_is_taken_is_a_sentence(server: Hosted, tmp_path: Path, tamis: Cli) -> None:
    exported(tmp_path, answered(3, MODELS[:2]))
    code, told = tamis("review", "serve", tmp_path / "review", "--rater", "ann", "--port", server.port)
    assert code == 3 and f"port {server.port} of this machine is taken" in told


def test_two_raters_by_keyboard_with_a_crash_between(page: Browser, tmp_path: Path, tamis: Cli) -> None:
    rows = answered(4, MODELS[:2])
    rows[2]["answer"] = f"{NASTY} {rows[2]['answer']}"
    made = exported(tmp_path, rows)
    port = free_port()
    ann = page
    with Browser(tmp_path / "bob") as bob:
        with Serving(made.folder, "ann", "bob", port=port) as server:
            ann.open(server.address["ann"])
            ann.shows("Task 1")
            assert "token" not in ann.value("location.href")
            for done in "12":
                ann.press("1")
                ann.shows(f"{done} of 4")
            ann.shows("saved")
            bob.open(server.address["bob"])
            for done in "1234":
                bob.shows(f"Task {done}")
                if done == "3":
                    bob.press("n")
                    for letter in "so":
                        bob.press(letter)
                    bob.press("Escape")
                bob.press("2" if done == "4" else "1")
            bob.shows("Everything is saved")
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            ann.press("3")
            ann.shows("not saved yet")
            ann.press("1")
            ann.shows("leave this window open")
        with Serving(made.folder, "ann", "bob", port=port):
            ann.shows("Everything is saved")
            for one in (ann, bob):
                assert one.value("document.title").startswith("Review: ") and one.logged == []
                assert one.value("document.scripts.length") == 1
    log = saved(made.folder / "labels.jsonl")
    assert [r["label"] for r in log if r["rater"] == "ann"] == ["first", "first", "tie", "first"]
    assert [r["note"] for r in log if r["rater"] == "bob"] == ["", "", "so", ""]
    people = tmp_path / "people.jsonl"
    assert tamis("review", "import", made.folder / "labels.jsonl", "--key", made.key_path, "-o", people)[0] == 0
    code, told = tamis("judge", "agree", people, "--draws", "0")
    assert code == 0 and "8 labels of 4 items by 2 raters" in told


@pytest.mark.parametrize("kind", ["pair", "score"])
def test_the_page_fits_and_shows_texts_as_they_are(kind: str, page: Browser, tmp_path: Path) -> None:
    rows = [{**row, "answer": NASTY + "w" * 3000 + row["answer"], "prompt": NASTY} for row in answered(2, MODELS[:2])]
    made = exported(tmp_path, rows, kind=kind)
    pictures = []
    with Hosted(made.folder, "ann") as server:
        page.open(server.address["ann"])
        page.shows("Task 1")
        for width, dark in ((1280, False), (390, False), (390, True)):
            page.size(width)
            page.dark(dark)
            assert page.value("document.documentElement.scrollWidth") == width
            pictures.append(page.picture(tmp_path / f"{width}.png"))
        text = page.value("document.body.innerText")
        assert "<script>document.title='broken'</script>" in text and "‹U+202E›evil‹U+0007›" in text
        assert page.value("document.querySelectorAll('img, iframe, style').length") == 0 and page.logged == []
        asked = page.value("performance.getEntriesByType('resource').map((e) => new URL(e.name).host)")
        assert set(asked) == {f"127.0.0.1:{server.port}"}
    assert len(set(pictures)) == 3


def test_criteria_are_rated_by_digits_and_half_of_them_outlives_a_crash(page: Browser, tmp_path: Path) -> None:
    from tamis.judge.review import Criterion

    made = exported(
        tmp_path, answered(2, MODELS[:1]), kind="score", criteria=(Criterion("correct"), Criterion("clear", 0, 2))
    )
    with Serving(made.folder, "ann") as server:
        page.open(server.address["ann"])
        page.shows("Task 1")
        page.press("4")
        page.shows("saved")
        server.kill()
    with Serving(made.folder, "ann") as server:
        page.open(server.address["ann"])
        page.shows("0 of 2")
        page.press("0")
        page.shows("1 of 2")
        page.shows("Task 2")
        page.shows("saved")
    last = saved(made.folder / "labels.jsonl")[-1]
    assert (last["task"], last["scores"], last["revision"]) == ("1", {"correct": 4, "clear": 0}, 1)


def test_who_decides_sees_what_was_said_and_not_by_whom(page: Browser, tmp_path: Path, tamis: Cli) -> None:
    made = exported(tmp_path, answered(3, MODELS[:2]))
    key = key_of(made)
    said = {"rose": "first", "olaf": "second"}
    log = made.folder / "labels.jsonl"
    lines = [{"task": "2", "rater": who, "label": label, "note": f"{label}!"} for who, label in said.items()]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = tmp_path / "conflicts.jsonl"
    assert tamis("review", "adjudicate", log, "--key", made.key_path, "-o", asked)[0] == 0
    with Hosted(made.folder, "cleo", log="decisions.jsonl", conflicts=asked) as server:
        page.open(server.address["cleo"])
        page.shows("First: first!")
        page.press("ArrowRight")
        page.shows("1 still open")
        page.press("ArrowLeft")
        page.shows("Task 2")
        assert "rose" not in page.value("document.body.innerText") and "0 of 1" in page.value("document.body.innerText")
        page.press("2")
        page.shows("Everything is saved")
    out = tmp_path / "settled.jsonl"
    decisions = made.folder / "decisions.jsonl"
    code, told = tamis(
        "review", "gate", log, decisions, "--key", made.key_path, "-o", out, "--min-ac1", "-1", "--draws", "0"
    )
    assert code == 0, told
    assert [(r["how"], r["verdict"]) for r in saved(out)] == [("decided", key.tasks["2"].verdict("second"))]
