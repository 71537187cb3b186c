"""Inline SVG: success with intervals, and success against token budget. Colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from harnesslab.report.figures import amount, with_interval
from harnesslab.score.summary import CellSummary, Figure

ROW, HEAD, LEFT, WIDTH, RIGHT = 30, 24, 150, 720, 120


def forest(title: str, cells: Sequence[CellSummary]) -> str:
    """One row per cell: pass^1 as a dot, pass^K as a ring, each with its interval, on an axis from 0 to 100 %."""
    height = HEAD + ROW * len(cells) + 26
    parts = [_open(height, f"{title}: success with intervals")]
    bottom = HEAD + ROW * len(cells)
    for tick in range(0, 101, 20):
        x = _x(tick / 100)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 8}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick}%</text>')
    for i, cell in enumerate(cells):
        y = HEAD + ROW * i + ROW / 2
        parts.append(
            f'<text class="name" x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{_short(cell.harness)}</text>'
        )
        several = len(cell.pass_k) > 1 and cell.pass_k[-1].value is not None
        if cell.pass_k:
            parts += _whisker(cell.pass_k[0], y - (5 if several else 0), "one", "pass^1")
            label = with_interval(cell.pass_k[0]).replace("~", " ~")
            parts.append(f'<text class="value" x="{WIDTH - RIGHT + 14}" y="{y + 4:.1f}">{escape(label)}</text>')
        if several:
            parts += _whisker(cell.pass_k[-1], y + 5, "all", f"pass^{len(cell.pass_k)}")
    return "".join([*parts, "</svg>"])


def curves(title: str, cells: Sequence[CellSummary]) -> str:
    """Share of success within a token budget, one step line per cell; empty where nothing was spent."""
    shown = [c for c in cells if c.budget.curve]
    cap = max((c.budget.curve[-1][0] for c in shown), default=0)
    if not cap:
        return ""
    top, bottom = 16, 216
    best = max(s for c in shown for _, s in c.budget.curve)
    scale = min(1.0, max(0.1, -(-best // 0.1) * 0.1))

    def place(tokens: float, success: float) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - RIGHT) * tokens / cap, bottom - (bottom - top) * success / scale

    parts = [_open(bottom + 42, f"{title}: success against token budget")]
    for step in range(5):
        y = place(0, scale * step / 4)[1]
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        text = f"{100 * scale * step / 4:.3g}%"
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        x = place(cap * step / 4, 0)[0]
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{amount(cap * step / 4)}</text>'
        )
    parts.append(
        f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">'
        "tokens a trial may spend</text>"
    )
    ends: list[tuple[float, int, str]] = []
    for i, cell in enumerate(shown):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(t, s) for t, s in ((0, 0.0), *cell.budget.curve)))
        parts.append(f'<polyline class="line c{i % 8}" points="{points}"/>')
        ends.append((place(cap, cell.budget.curve[-1][1])[1], i, cell.harness))
    free = top - 14.0
    for y, i, name in sorted(ends):
        free = max(y, free + 14.0)
        parts.append(f'<text class="end t{i % 8}" x="{WIDTH - RIGHT + 8}" y="{free + 4:.1f}">{_short(name)}</text>')
    return "".join([*parts, "</svg>"])


def _open(height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _whisker(figure: Figure, y: float, kind: str, name: str) -> list[str]:
    if figure.value is None:
        return []
    tip = f"<title>{escape(name)} {escape(with_interval(figure))}</title>"
    parts = []
    if figure.low is not None and figure.high is not None:
        dashed = " rough" if figure.unreliable else ""
        parts.append(
            f'<line class="whisker {kind}{dashed}" x1="{_x(figure.low):.1f}" x2="{_x(figure.high):.1f}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    parts.append(f'<circle class="dot {kind}" cx="{_x(figure.value):.1f}" cy="{y:.1f}" r="4.5">{tip}</circle>')
    return parts


def _short(name: str) -> str:
    return escape(name if len(name) <= 20 else name[:19] + "…")
