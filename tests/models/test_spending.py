from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import opened, question
from serving import Served

from tamis.errors import UsageError
from tamis.models import Budget, BudgetSpent, Failed, Patience, Price, Reply, Usage, ask_all, each, price
from tamis.models.request import most_tokens

DOLLAR = Price(Decimal(1_000_000), Decimal(2_000_000))
"""A token in costs 1, a token out 2."""


@settings(max_examples=15)
@given(
    limit=st.integers(1, 4000), concurrency=st.integers(1, 16), fault=st.sampled_from(["half", "blank", "500", None])
)
def test_a_budget_is_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, limit: int, concurrency: int, fault: str | None
) -> None:
    folder, budget = tmp_path_factory.mktemp("spent"), Budget(money=Decimal(limit))
    more = {"price": DOLLAR, "budget": budget, "concurrency": concurrency}
    faulty = Served(faults=lambda number, body: fault if number % 3 == 0 else None)
    with faulty as server, opened(server.url, folder, **more) as model:
        try:
            list(ask_all(model, (question(f"word {k}", max_tokens=10) for k in range(20)), 16))
        except BudgetSpent as spent:
            assert "give another and resume" in str(spent)
    assert budget.spent.money <= limit and budget.reserved.money == 0
    # Two words in, three out: what the server would charge for all it was asked, whether it broke off or not.
    assert (2 + 2 * 3) * sum(fault != "500" or k % 3 != 0 for k in range(len(server.asked))) <= limit


def test_a_budget_smaller_than_one_request_sends_none(tmp_path: Path) -> None:
    said = r"money 10 \(0 spent, the next request may take"
    with (
        Served() as server,
        opened(server.url, tmp_path, price=DOLLAR, budget=Budget(money=Decimal(10))) as model,
        pytest.raises(BudgetSpent, match=said),
    ):
        list(ask_all(model, [question(max_tokens=10)], 4))
    assert server.asked == []


@pytest.mark.parametrize("budget", [Budget(requests=7), Budget(tokens=7 * 5 + 97)])
def test_requests_and_tokens_are_limited_too(budget: Budget, tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path, budget=budget) as model, pytest.raises(BudgetSpent):
        list(ask_all(model, (question(f"word {k}", max_tokens=10) for k in range(99)), 1))
    assert len(server.asked) == 7


def test_a_raised_budget_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    asked = [question(f"word {k}", max_tokens=10) for k in range(30)]
    with Served() as server:
        for limit in (5, 12, 13):
            with opened(server.url, tmp_path, budget=Budget(requests=limit)) as model:
                try:
                    done = list(ask_all(model, asked, 4))
                except BudgetSpent:
                    continue
    assert len(done) == 30 == len(server.asked)


def test_the_cache_costs_nothing(tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path, price=DOLLAR) as model:
        (bought,) = ask_all(model, [question("two words", max_tokens=10)], 4)
        with opened(server.url, tmp_path, price=DOLLAR, budget=Budget(money=Decimal(0))) as other:
            (again,) = ask_all(other, [question("two words", max_tokens=10)], 4)
    assert bought == again._replace(cached=False)  # type: ignore[union-attr]
    assert isinstance(again, Reply) and again.cost == 8
    assert (other.spending.money, other.spending.worth) == (0, 8)


def test_an_unknown_price_is_unknown(tmp_path: Path) -> None:
    with Served() as server, opened(server.url, tmp_path) as model:
        (reply,) = ask_all(model, [question()], 4)
    assert isinstance(reply, Reply) and reply.cost is None and model.spending.unknown == 1


def test_usage_that_is_not_told_is_unknown(tmp_path: Path) -> None:
    with Served(faults={0: "no usage"}) as server, opened(server.url, tmp_path, price=DOLLAR) as model:
        (reply,) = ask_all(model, [question()], 4)
    assert isinstance(reply, Reply) and (reply.usage, reply.cost) == (Usage(), None)


@pytest.mark.parametrize(
    ("fault", "lost", "bought"),
    [
        ("blank", ((2, 0), 2), ((2, 3), 8)),
        ("500", ((0, 0), 0), ((1, 3), 7)),
        ("half", ((None, None), None), ((1, 3), None)),
    ],
)
def test_what_tries_that_failed_cost_is_on_the_bill(fault: str, lost: Any, bought: Any, tmp_path: Path) -> None:
    two, asked = Patience(2, 0.001), [question(text, max_tokens=9) for text in "ab"]
    with Served(faults=dict.fromkeys(range(3), fault)) as server:
        with opened(server.url, tmp_path, price=DOLLAR, patience=two) as model:
            ended = list(ask_all(model, asked, 1))
        with opened(server.url, tmp_path, replay=True) as model:
            again = list(ask_all(model, asked, 1))
    assert [(one.usage, one.cost) for one in ended] == [(one.usage, one.cost) for one in again] == [lost, bought]


@pytest.mark.parametrize("thrifty", [True, False])
def test_a_thrifty_budget_ends_what_was_begun(thrifty: bool, tmp_path: Path) -> None:
    # A request may take 97 tokens and takes 5: the twelfth does not fit. It is of the last task that begins, alone.
    budget = Budget(tokens=11 * 5 + 96 - 3, thrifty=thrifty)

    async def both(number: int) -> bool:
        with budget.task(2):
            try:
                return all([await model.ask(question(f"{number} {k}", max_tokens=9)) for k in range(2)])
            except BudgetSpent:
                return False

    with Served(delay=0.01) as server, opened(server.url, tmp_path, budget=budget, concurrency=8) as model:
        done = sum(each(range(12), both, 12))
    assert len(server.asked) == 11 and (done == 5) == thrifty


@pytest.mark.parametrize(
    "more, said", [({}, "wants a price"), ({"price": DOLLAR}, "set max_tokens")], ids=["no price", "no limit"]
)
def test_a_budget_that_cannot_be_kept_is_refused(more: dict[str, Price], said: str, tmp_path: Path) -> None:
    with (
        Served() as server,
        opened(server.url, tmp_path, budget=Budget(money=Decimal(5)), **more) as model,
        pytest.raises(UsageError, match=said),
    ):
        list(ask_all(model, [question()], 4))


def test_an_answer_that_broke_off_is_taken_to_cost_all_it_may(tmp_path: Path) -> None:
    budget = Budget(tokens=100_000)
    with Served(faults={0: "half"}) as server, opened(server.url, tmp_path, budget=budget) as model:
        (reply,) = ask_all(model, [question("word", max_tokens=50)], 1)
    into, out = most_tokens(question("word", max_tokens=50))
    assert not isinstance(reply, Failed) and budget.spent.tokens == into + (out or 0) + 1 + 3


@pytest.mark.parametrize("text, cost", [("0.15,0.60", "0.000750000"), ("0,0", "0E-9"), ("0.001, 3", "0.003001000")])
def test_a_price_is_for_a_million_tokens(text: str, cost: str) -> None:
    assert price(text).cost(1000, 1000) == Decimal(cost)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "-1,2", "1e999999999,1", "a,b", "NaN,1", "Infinity,1"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no price"):
        price(text)
