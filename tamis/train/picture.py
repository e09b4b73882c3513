"""The loss of a run as a picture: one SVG without scripts, fonts or links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 32, 36


def loss_svg(trained: Sequence[Point], held_out: Sequence[Point], title: str) -> bytes:
    """`trained` as a line and `held_out` as dots and a line over steps: (step, loss) each."""
    points = [p for p in (*trained, *held_out) if math.isfinite(p[1])]
    steps = max([p[0] for p in points], default=1.0) or 1.0
    low, high = min([p[1] for p in points], default=0.0), max([p[1] for p in points], default=1.0)
    # A flat line lies in the middle.
    low, high = (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)

    # As many digits as tell two lines apart.
    digits = max(0, 1 - math.floor(math.log10((high - low) / 4)))
    apart = max(1, math.ceil(steps / 6))

    def x(step: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * step / steps:.1f}"

    def y(loss: float) -> str:
        return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (loss - low) / (high - low):.1f}"

    def line(some: Sequence[Point], color: str, width: float) -> str:
        path = " ".join(f"{x(s)},{y(v)}" for s, v in some if math.isfinite(v))
        return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'

    marks = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v)}" y2="{y(v)}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{float(y(v)) + 4:.1f}" text-anchor="end">{v:.{digits}f}</text>'
        for v in (low + (high - low) * k / 4 for k in range(5))
    ]
    ticks = range(0, int(steps) + 1, apart)
    marks += [f'<text x="{x(s)}" y="{HEIGHT - 14}" text-anchor="middle">{s}</text>' for s in ticks]
    dots = [f'<circle cx="{x(s)}" cy="{y(v)}" r="3" fill="#b3541e"/>' for s, v in held_out if math.isfinite(v)]
    legend = f'<text x="{WIDTH - RIGHT}" y="18" text-anchor="end"><tspan fill="#4a6fa5">training</tspan>'
    legend += ' <tspan fill="#b3541e">held out</tspan></text>' if held_out else "</text>"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="11" fill="#333">',
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="13">{escape(title)}</text>{legend}',
        *marks,
        line(trained, "#4a6fa5", 1.5),
        line(held_out, "#b3541e", 1.5),
        *dots,
        "</svg>",
    ]
    return ("\n".join(parts) + "\n").encode()
