"""Figures as plain text: shares, differences, amounts, with their intervals."""

from __future__ import annotations

from harnesslab.score.summary import Figure

DASH = "-"


def percent(value: float | None) -> str:
    """A share as a whole per cent; never 0 % or 100 % where it is neither."""
    if value is None:
        return DASH
    if 1e-9 < value < 0.005:
        return "<1%"
    if 0.995 <= value < 1.0:
        return ">99%"
    return f"{100 * value:.0f}%"


def share(figure: Figure) -> str:
    return percent(figure.value)


def with_interval(figure: Figure) -> str:
    """`38% [26,52]`, with `~` for the blank where the interval is unreliable."""
    if figure.value is None:
        return DASH
    if figure.low is None or figure.high is None:
        return percent(figure.value)
    mark = "~" if figure.unreliable else " "
    return f"{percent(figure.value)}{mark}[{100 * figure.low:.0f},{100 * figure.high:.0f}]"


def signed(figure: Figure) -> str:
    """A difference in percentage points, `+17 [+4,+27]`."""
    if figure.value is None or figure.low is None or figure.high is None:
        return DASH
    mark = "~" if figure.unreliable else " "
    return f"{points(figure.value)}{mark}[{points(figure.low)},{points(figure.high)}]"


def points(value: float) -> str:
    text = f"{100 * value:+.0f}"
    return "0" if text in ("+0", "-0") else text


def amount(value: float | None, digits: int = 3) -> str:
    """Three significant digits (or fewer), thousands as k: 0.43, 9.3, 118, 5.3k, 1.2M; less than a billionth is 0."""
    if value is None:
        return DASH
    if abs(value) < 1e-9:
        return "0"
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            scaled = value / limit
            return f"{scaled:.{digits}g}{unit}" if scaled < 10**digits - 0.5 else f"{scaled:.0f}{unit}"
    return f"{value:.{digits}g}" if value < 10**digits - 0.5 else f"{value:.0f}"


def signed_amount(value: float | None) -> str:
    """`amount`, of negative values too."""
    if value is None:
        return DASH
    return f"-{amount(-value)}" if value < 0.0 else amount(value)


def p_text(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def third(value: float | None) -> str:
    """A share to three digits, `.420`."""
    return DASH if value is None else f"{value:.3f}".removeprefix("0")


def counted(figure: Figure) -> str:
    """`38% [26,52] n12`."""
    return DASH if figure.value is None else f"{with_interval(figure)} n{figure.n}"


def amount_with_interval(figure: Figure) -> str:
    """`5.3k [4.1k,7k] n12`, to two digits; an interval whose ends are more than 1,000 times apart is left out."""
    if figure.value is None:
        return DASH
    if figure.low is None or figure.high is None or figure.high > 1000 * figure.low:
        return f"{amount(figure.value, 2)} n{figure.n}"
    mark = "~" if figure.unreliable else " "
    return f"{amount(figure.value, 2)}{mark}[{amount(figure.low, 2)},{amount(figure.high, 2)}] n{figure.n}"
