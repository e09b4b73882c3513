"""The page of raters, on this machine alone.

GET /enter?token=…   lets a rater in: the token becomes a cookie, and leaves the address
GET /, /page.css, /page.js, /state, /task/003;  POST /answer   for those who are in, and for nobody else

A page of another site may make a browser ask here. It gets nowhere: the name it asks for must be this machine's (a name that was
made to point here is another), the cookie is not sent along from other sites, and an answer must say that it comes from here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tamis.errors import OutputError
from tamis.judge.review.room import Room

HOSTS = ("127.0.0.1", "localhost")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "tamis",
}

LARGEST = 128 * 1024
"""Bytes of an answer."""

FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}

# To go on from here is a step within this site, on which the cookie is sent; after a redirect from elsewhere it is not.
ENTERED = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>Review</title>'


async def serve(room: Room, port: int, on_ready: Callable[[int], None]) -> None:
    """Serve `room` until cancelled; `on_ready` is given the port, which 0 leaves to the machine.

    Raises OutputError where the port is taken.
    """
    runner = web.AppRunner(application(room), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as taken:
            raise OutputError(f"port {port} of this machine is taken; name another one, or --port 0") from taken
        on_ready(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def application(room: Room) -> web.Application:
    """The routes and the guard before them."""
    app = web.Application(middlewares=[_guard(room)], client_max_size=LARGEST)
    folder = Path(__file__).parent / "page"
    for path, (name, kind) in FILES.items():
        app.router.add_get(path, _file((folder / name).read_text("utf-8"), kind))

    async def state(request: web.Request) -> web.Response:
        return web.json_response(room.state(_rater(room, request)))

    async def task(request: web.Request) -> web.Response:
        found = room.shown(request.match_info["task"])
        return web.json_response(found) if found is not None else _text(404, "there is no such task")

    async def answer(request: web.Request) -> web.Response:
        rater = _rater(room, request)
        try:
            given = json.loads(await request.read())
            if not isinstance(given, dict):
                raise ValueError(f"an answer is an object, not a {type(given).__name__}")
            if given.get("rater") != rater:
                return _text(409, f"this browser is signed in as {rater} now; open your own address again")
            saved = room.save(rater, given)
        except (ValueError, RecursionError) as wrong:
            return _text(400, str(wrong)[:500])
        except OutputError as wrong:
            return _text(507, str(wrong))
        return web.json_response({"task": saved.task, "revision": saved.revision})

    app.router.add_get("/state", state)
    app.router.add_get("/task/{task}", task)
    app.router.add_post("/answer", answer)
    return app


def _guard(room: Room) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _let_in(room, request, handler)
        response.headers.update(HEADERS)
        return response

    return guard


async def _let_in(room: Room, request: web.Request, handler: Handler) -> web.StreamResponse:
    port, host = _port(request), request.headers.get("Host", "")
    if host not in {f"{name}:{port}" for name in HOSTS}:
        return _text(403, "this page is served to this machine alone, as 127.0.0.1 or localhost")
    if request.path == "/enter" and request.method == "GET":
        return _enter(room, request)
    if not _rater(room, request):
        return _text(403, "open the address that `tamis review serve` printed for you")
    if request.method == "POST" and not _from_here(request, host):
        return _text(403, "an answer comes from the page itself")
    try:
        return await handler(request)
    except web.HTTPException as wrong:
        return _text(wrong.status, wrong.reason)
    except web.RequestPayloadError:
        return _text(400, "the body is not what its headers say")


def _port(request: web.Request) -> int:
    return int(request.transport.get_extra_info("sockname")[1]) if request.transport is not None else 0


def _cookie(request: web.Request) -> str:
    return f"tamis_review_{_port(request)}"  # cookies do not know ports: two reviews on one machine would share one


def _rater(room: Room, request: web.Request) -> str:
    """Who asks; empty: nobody who was let in."""
    return room.whose(request.cookies.get(_cookie(request))) or ""


def _enter(room: Room, request: web.Request) -> web.Response:
    token = request.query.get("token")
    if room.whose(token) is None or token is None:
        return _text(403, "open the address that `tamis review serve` printed for you, all of it")
    entered = web.Response(text=ENTERED, content_type="text/html")
    entered.set_cookie(_cookie(request), token, httponly=True, samesite="Strict", path="/")
    return entered


def _from_here(request: web.Request, host: str) -> bool:
    """Does a browser say that its own page of this site asks?"""
    headers = request.headers
    return (
        headers.get("Origin") == f"http://{host}"
        and headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        and headers.get("X-Tamis-Review") == "1"
        and request.content_type == "application/json"
    )


def _file(text: str, kind: str) -> Handler:
    async def give(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind)

    return give


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
