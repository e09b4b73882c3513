"""The profile as one HTML file that needs nothing beside it, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tamis.data.writer import write_bytes
from tamis.report.profile.facts import Profile
from tamis.report.profile.map import discs
from tamis.report.profile.words import accuracy, density, interval, lead, share, top
from tamis.report.templates import render


def write(profile: Profile, out: Path | str) -> None:
    """Write `out`/report.html and `out`/profile.json. Raises OutputError where the disk will not take them."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_bytes(out / "report.html", html(profile).encode("utf-8", "backslashreplace"))
    told = json.dumps(profile.as_dict(), ensure_ascii=False, indent=1)
    write_bytes(out / "profile.json", told.encode("utf-8", "backslashreplace") + b"\n")


def html(profile: Profile) -> str:
    """The page. Equal profiles give equal pages."""
    topics = profile.topics.topics if profile.topics else ()
    return render(
        "profile/page.html.j2",
        ("page.css", "profile/page.css"),
        p=profile,
        lead=lead(profile),
        discs=discs(topics),
        missing={m.section: m.why for m in profile.missing},
        top=top,
        share=share,
        density=density,
        interval=interval,
        accuracy=accuracy,
    )
