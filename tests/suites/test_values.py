from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnesslab.suites.values import Day, Number, Percent, Word, numbers_in


@pytest.mark.parametrize(
    "answer", ["45", "It costs $45.", "45.00 dollars", "(45)", "**45**", "There are 45, I think", "4 and 45", "is:45"]
)
def test_a_number_is_said_by_its_value(answer: str) -> None:
    assert Number(45).said_in(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "145",
        "450",
        "4.5",
        "45.5",
        "O45",
        "45x",
        "2026-45-01",
        "1,045",
        "45 %",
        "-45",
        "45:00",
        "45/7",
        "forty-five",
    ],
)
def test_a_number_is_not_said_by_a_part_of_something_else(answer: str) -> None:
    assert not Number(45).said_in(answer)


def test_thousands_separators_and_signs() -> None:
    assert numbers_in("1,045 and -3 and $2,000.50 and 7, 8") == {1045, -3, 2000.5, 7, 8}


@pytest.mark.parametrize(
    "answer",
    ["40", "40%", "It is 40 %.", "40 percent", "40 per cent", "On 2026-03-11 it is **40%**", "Rain 40 %, 21 degrees"],
)
def test_a_percentage_is_said_with_its_sign_or_alone(answer: str) -> None:
    assert Percent(40).said_in(answer)


@pytest.mark.parametrize("answer", ["", "140%", "40.5 %", "4 0%", "not 40 %", "30 %, at 40 degrees", "O40", "forty"])
def test_a_percentage_is_not_said_by_another_number(answer: str) -> None:
    assert not Percent(40).said_in(answer)


def test_reciting_numbers_says_none() -> None:
    assert not Number(5).said_in(" ".join(map(str, range(20))))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(deadline=None)
def test_one_number_never_says_another(said: int, asked: int) -> None:
    assert Number(asked).said_in(f"The result is {said}.") == (said == asked)


@pytest.mark.parametrize("answer", ["shipped", "It has been Shipped.", "status: 'shipped'", "(shipped)", "*shipped*"])
def test_a_word_is_said_alone(answer: str) -> None:
    assert Word("shipped", ("pending", "shipped")).said_in(answer)


@pytest.mark.parametrize("answer", ["", "unshipped", "shipped-back", "pending or shipped", "shippedx"])
def test_a_word_is_not_said_by_a_longer_one_nor_among_rivals(answer: str) -> None:
    assert not Word("shipped", ("pending", "shipped")).said_in(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("It is not shipped.", False),
        ("It has not yet been shipped.", False),
        ("It isn't shipped", False),
        ("It hasn\u2019t been shipped.", False),
        ("It is no longer shipped", False),
        ("It is not pending but shipped.", True),
        ("Not at all: it is shipped.", True),
        ("I cannot say more than that it is shipped.", True),
        ("It is not pending. Shipped!", True),
    ],
)
def test_what_is_denied_is_not_said(answer: str, said: bool) -> None:
    assert Word("shipped", ("pending", "shipped")).said_in(answer) == said


def test_a_number_or_date_that_is_denied_is_not_said() -> None:
    assert numbers_in("It is not 45 but 54.") == {54}
    assert not Day(date(2026, 3, 4)).said_in("It was not 4 March 2026.")


def test_ids_and_addresses() -> None:
    assert Word("O12").said_in("Order o12.")
    assert not Word("O12").said_in("Order O123")
    assert Word("a.b@x.com").said_in("Write to a.b@x.com.")
    assert not Word("b@x.com").said_in("Write to a.b@x.com")
    assert not Word("a@x.co").said_in("a@x.com")
    assert not Word("a@x.com").said_in("a@x.com.au")
    assert Word("gift card").said_in("by Gift-card")


@pytest.mark.parametrize(
    "answer",
    [
        "2026-03-04",
        "on March 4, 2026.",
        "4 March 2026",
        "the 4th of March",
        "Mar 4th",
        "03/04/2026",
        "4/3/2026",
        "04.03.2026",
        "March 04, 2026",
        "2026/03/04",
    ],
)
def test_a_date_is_said_in_any_usual_form(answer: str) -> None:
    assert Day(date(2026, 3, 4)).said_in(answer)


@pytest.mark.parametrize(
    "answer", ["", "2026-03-14", "March 14, 2026", "14 March 2026", "March 4, 2025", "2026-03-041", "12026-03-04", "4"]
)
def test_a_date_is_not_said_by_another(answer: str) -> None:
    assert not Day(date(2026, 3, 4)).said_in(answer)


DATES = st.dates(date(2024, 1, 1), date(2026, 12, 31))


@given(DATES, DATES)
@settings(deadline=None)
def test_one_date_never_says_another(said: date, asked: date) -> None:
    assert Day(asked).said_in(f"It was {said.isoformat()}.") == (said == asked)
    assert Day(asked).said_in(f"It was {said.day} {said:%B} {said.year}.") == (said == asked)
