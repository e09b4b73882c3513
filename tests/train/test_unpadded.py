"""A batch without its padding gives the numbers of the padded one, each token computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training import chats, job_of, preferences, snapshot_of

from tamis.train import train
from tamis.train.head import log_probs
from tamis.train.unpadded import fits, laid_out

torch = pytest.importorskip("torch", reason="the extra train is not installed")
pytest.importorskip("trl", reason="the extra train is not installed")


@pytest.mark.parametrize("tile", [1, 30, 1 << 22])
def test_log_probabilities_and_their_gradients_are_those_of_a_softmax(
    tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamis.train.head.TILE", tile)
    torch.manual_seed(0)
    hidden, weight = torch.randn(7, 5, requires_grad=True), torch.randn(11, 5)
    targets, weighed = torch.randint(11, (7,)), torch.randn(7)
    found = []
    for given in (
        torch.log_softmax(hidden @ weight.t(), 1).gather(1, targets[:, None])[:, 0],
        log_probs(hidden, weight, targets),
    ):
        (slope,) = torch.autograd.grad((given * weighed).sum(), hidden)
        found.append((given.detach(), slope))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_nothing_learnt_is_no_error() -> None:
    none = log_probs(torch.zeros(0, 5, requires_grad=True), torch.ones(3, 5), torch.zeros(0, dtype=torch.int64))
    assert none.shape == (0,) and none.requires_grad


def test_rows_stand_one_behind_another_and_a_prompt_of_two_answers_once() -> None:
    ids = torch.tensor([[1, 2, 5, 5], [3, 4, 6, 0], [1, 2, 7, 0], [3, 8, 0, 0]])
    real = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    apart, paired = (laid_out(ids, real, pairs) for pairs in (False, True))
    assert ids.reshape(-1)[apart.taken].tolist() == [1, 2, 5, 5, 3, 4, 6, 1, 2, 7, 3, 8]
    assert ids.reshape(-1)[paired.taken].tolist() == [1, 2, 5, 5, 7, 3, 4, 6, 8]
    assert paired.positions.tolist() == [[0, 1, 2, 3, 2, 0, 1, 2, 1]]
    assert paired.places[2, :3].tolist() == [0, 1, 4] and paired.places[3, :2].tolist() == [5, 8]
    assert paired.spans == ((0, 4, 0, 0), (4, 5, 0, 2), (5, 8, 5, 5), (8, 9, 5, 6))


def test_answers_that_are_equal_share_all_but_one_token() -> None:
    ids = torch.tensor([[1, 2, 3], [1, 2, 3]])
    assert laid_out(ids, torch.ones_like(ids).bool(), True).spans == ((0, 3, 0, 0), (3, 4, 0, 2))


@pytest.mark.parametrize("how", [{"batch_size": 3}, {"checkpointing": True}, {"dropout": 0.0, "targets": ("q_proj",)}])
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_what_is_learnt_is_what_trl_learns_with_padding(
    method: Any, how: dict[str, Any], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = preferences(20) if method == "dpo" else chats(20)
    own = snapshot_of(tmp_path, [r | {"id": f"r{k}"} for k, r in enumerate(rows)])
    told = {"max_steps": 3, "eval_every": 0, "checkpoint_every": 0, "learning_rate": 2e-3, "dropout": 0.0} | how
    curves = []
    for known in (("LlamaForCausalLM",), ()):
        monkeypatch.setattr("tamis.train.unpadded.KNOWN", known)
        done = train(job_of(own, tiny, tmp_path / f"of{len(known)}", method=method, **told))
        curves.append(done.facts["curve"])
    for one, other in zip(*curves, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)


def test_a_model_whose_head_is_trained_is_left_as_it_is(tiny: Path) -> None:
    from tamis.models.weights import load_model

    model = load_model(tiny)
    assert not fits(model, 64)
    model.requires_grad_(False)
    assert fits(model, 64)
    model.config.sliding_window = 32
    assert not fits(model, 64)
