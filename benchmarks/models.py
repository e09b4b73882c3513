"""What a request costs the client: CPU and memory, against a stub that answers in 50 ms, 64 requests at once.

    python benchmarks/models.py                         tamis, cached, aiohttp alone, openai
    python benchmarks/models.py --peers PYTHON          and curator and distilabel, where that Python has them
    python benchmarks/models.py --memory 100000         tamis alone: memory as requests go by

CPU of a request is that of COUNT requests less that of COUNT/10, so that starting up is no part of it. A request is 200
words, an answer 80. curator counts tokens with tiktoken, which wants its table: TIKTOKEN_CACHE_DIR may name the folder that
litellm has it in (litellm_core_utils/tokenizers). tamis hashes it, looks into its cache and commits the answer to SQLite;
aiohttp and openai do not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORDS = "word " * 200
DELAY, AT_ONCE = 0.05, 64

_BODY = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello " * 80}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 210, "completion_tokens": 80, "total_tokens": 290},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY


class Stub(asyncio.Protocol):
    """Answers anything after DELAY seconds."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            _, _, after = self.held[:end].lower().partition(b"content-length:")
            size = end + 4 + int(after.partition(b"\r\n")[0] or 0)
            if len(self.held) < size:
                return
            self.held = self.held[size:]
            asyncio.get_running_loop().call_later(DELAY, self.answer)

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def stub() -> Iterator[str]:
    """The base URL of a stub in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "--do", "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def with_tamis(url: str, count: int, folder: str, *, told: bool = False) -> None:
    from tamis.models import Reply, Request, ask_all, open_model

    asked = (Request(({"role": "user", "content": f"{k} {WORDS}"},), {"max_tokens": 90}) for k in range(count))
    with open_model("m", base_url=url, responses=Path(folder, "r.sqlite"), concurrency=AT_ONCE) as model:
        for k, reply in enumerate(ask_all(model, asked, 4 * AT_ONCE), 1):
            assert isinstance(reply, Reply)
            if told and (k % (count // 10) == 0 or k == 1000):
                print(json.dumps({"requests": k, "rss": _rss()}), flush=True)


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def at_once(count: int, one: Callable[[int], Awaitable[object]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def through(k: int) -> None:
        async with gate:
            await one(k)

    await asyncio.gather(*[through(k) for k in range(count)])


async def with_openai(url: str, count: int) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:

        def one(k: int) -> Awaitable[object]:
            messages: Any = [{"role": "user", "content": f"{k} {WORDS}"}]
            return client.chat.completions.create(model="m", messages=messages, max_tokens=90)

        await at_once(count, one)


async def with_aiohttp(url: str, count: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(k: int) -> object:
            body = {"model": "m", "messages": [{"role": "user", "content": f"{k} {WORDS}"}], "max_tokens": 90}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                return json.loads(await response.read())

        await at_once(count, one)


def with_curator(url: str, count: int, folder: str) -> None:
    os.environ |= {"CURATOR_VIEWER": "0", "TELEMETRY_ENABLED": "0", "CURATOR_CACHE_DIR": folder, "OPENAI_API_KEY": "k"}
    from bespokelabs import curator

    params = {
        "base_url": url,
        "max_requests_per_minute": 10**9,
        "max_tokens_per_minute": 10**12,
        "max_concurrent_requests": AT_ONCE,
    }
    llm = curator.LLM(model_name="m", backend="openai", backend_params=params, generation_params={"max_tokens": 90})
    llm([f"{k} {WORDS}" for k in range(count)])


def with_distilabel(url: str, count: int) -> None:
    from distilabel.models.llms import OpenAILLM

    llm = OpenAILLM(model="m", base_url=url, api_key="k", generation_kwargs={"max_new_tokens": 90})
    llm.load()
    for start in range(0, count, AT_ONCE):  # its batch is what it has under way
        llm.generate([[{"role": "user", "content": f"{k} {WORDS}"}] for k in range(start, min(count, start + AT_ONCE))])


def do(what: str, url: str, count: int, folder: str) -> None:
    """One client, in the process that is measured."""
    if what == "serve":
        asyncio.run(serve())
    elif what == "compare":  # a process of its own: what is measured takes in every child there is, the stub too
        print(json.dumps(compare(url, count, int(os.environ["ROUNDS"]), os.environ["PEERS"])))
    elif what in ("tamis", "cached", "memory"):
        with_tamis(url, count, folder, told=what == "memory")
    elif what == "openai":
        asyncio.run(with_openai(url, count))
    elif what == "aiohttp":
        asyncio.run(with_aiohttp(url, count))
    elif what == "curator":
        with_curator(url, count, folder)
    elif what == "distilabel":
        with_distilabel(url, count)


def compare(url: str, count: int, rounds: int, peers: str) -> dict[str, Any]:
    """CPU milliseconds a request of each client: the median of `rounds`, and all of them."""
    from measure import run

    names = ["tamis", "cached", "aiohttp", "openai", *(["curator", "distilabel"] if peers else [])]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            python = peers if peers and name in ("curator", "distilabel") else sys.executable
            with tempfile.TemporaryDirectory() as folder:
                spent = []
                for size in (count // 10, count):
                    own = folder if name == "cached" else tempfile.mkdtemp(dir=folder)
                    command = [python, __file__, "--url", url, "--folder", own]
                    if name == "cached":  # bought first, which is not counted
                        run([*command, "--do", "tamis", "--count", str(size)])
                    spent.append(run([*command, "--do", name, "--count", str(size)]))
            found[name].append(1000 * (spent[1].cpu - spent[0].cpu) / (count - count // 10))
            print(f"  {name:<12} {found[name][-1]:.3f} ms of CPU a request", file=sys.stderr)
    return {name: {"median": round(statistics.median(all_), 3), "rounds": all_} for name, all_ in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", help="a Python with bespokelabs-curator and distilabel")
    parser.add_argument("--memory", type=int, default=0)
    for name in ("--do", "--url", "--folder"):
        parser.add_argument(name, default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        return do(given.do, given.url, given.count, given.folder)
    from measure import save

    results = Path(__file__).parent / "results/models.json"
    facts = json.loads(results.read_text()) if results.exists() else {}
    with stub() as url, tempfile.TemporaryDirectory() as folder:
        if given.memory:
            command = [sys.executable, __file__, "--do", "memory", "--url", url, "--folder", folder]
            lines = subprocess.run(
                [*command, "--count", str(given.memory)], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            facts["memory"] = [json.loads(line) for line in lines.splitlines()]
        else:
            command = [sys.executable, __file__, "--do", "compare", "--url", url, "--count", str(given.count)]
            env = {**os.environ, "ROUNDS": str(given.rounds), "PEERS": given.peers or ""}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
            facts["cpu_ms_per_request"] = json.loads(done.stdout)
    facts |= {"answer_seconds": DELAY, "at_once": AT_ONCE}
    save(__file__, facts)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
