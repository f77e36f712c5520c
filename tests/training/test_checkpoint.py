"""Checkpoints: a run that was cut off goes on as if it had not been."""

import pytest
import torch
from torch import nn

from drivemeta.errors import ConfigError, ModelFileError
from drivemeta.training.base.loop import RunPlan, train_level
from drivemeta.training.checkpoint import load_checkpoint, save_checkpoint


def build(seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer, dict[str, torch.Tensor]]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    return model, torch.optim.AdamW(model.parameters(), 0.01), average


def steps(model, optimizer, average, first: int, last: int) -> None:
    for i in range(first, last):
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(i))
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        average["0.weight"].lerp_(model.state_dict()["0.weight"], 0.1)


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


def test_a_resumed_run_equals_one_in_a_piece(tmp_path):
    model, optimizer, average = build()
    steps(model, optimizer, average, 0, 8)

    cut, cut_optimizer, cut_average = build()
    steps(cut, cut_optimizer, cut_average, 0, 5)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, cut, cut_average, cut_optimizer, {"step": 5, "seconds": 1.5})

    resumed, resumed_optimizer, resumed_average = build(seed=99)
    progress = load_checkpoint(path, resumed, resumed_average, resumed_optimizer)
    assert progress == {"step": 5, "seconds": 1.5}
    steps(resumed, resumed_optimizer, resumed_average, progress["step"], 8)
    assert_same(resumed.state_dict(), model.state_dict())
    assert_same(resumed_average, average)


def test_nothing_else_is_left_beside_it(tmp_path):
    model, optimizer, average = build()
    save_checkpoint(tmp_path / "c.safetensors", model, average, optimizer, {})
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.parametrize("content", [b"", b"\x00" * 64])
def test_a_damaged_one_is_told(tmp_path, content):
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    model, optimizer, average = build()
    with pytest.raises(ModelFileError, match=r"cannot resume from checkpoint .*c\.safetensors"):
        load_checkpoint(path, model, average, optimizer)


def test_another_model_is_told(tmp_path):
    model, optimizer, average = build()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, model, average, optimizer, {})
    other = nn.Linear(3, 3)
    with pytest.raises(ModelFileError, match="cannot resume"):
        load_checkpoint(path, other, {}, torch.optim.AdamW(other.parameters()))


def run(folder, minutes: float, *, resume: bool) -> dict[str, torch.Tensor]:
    model = build()[0]
    batch = torch.ones(6, 4)
    plan = RunPlan(folder, minutes, 0.01)
    return train_level(
        model, lambda: batch, lambda x: {"loss": model(x).square().sum()}, plan, resume=resume
    )


def test_training_goes_on_from_its_checkpoint_and_logs(tmp_path):
    run(tmp_path, 0.01, resume=False)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert rows[0] == "step,seconds,loss"
    average = run(tmp_path, 0.02, resume=True)
    later = (tmp_path / "log.csv").read_text().splitlines()
    assert later[: len(rows)] == rows
    assert len(later) > len(rows)
    assert all(torch.isfinite(value).all() for value in average.values())


def test_the_last_steps_of_a_run_are_logged_however_few(tmp_path):
    run(tmp_path, 1e-6, resume=False)
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "step,seconds,loss"
    assert len(rows) == 1


def test_resuming_without_a_checkpoint_is_told(tmp_path):
    with pytest.raises(ConfigError, match="--resume: expected a checkpoint, found none"):
        run(tmp_path, 0.01, resume=True)
