"""Every tool that has a `main` answers `--help`, and says how it is run."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import tools

ROOT = Path(tools.__file__).parent
NEEDS_RL = {"papers.bandits", "papers.navigation", "schedulers.benchmark", "schedulers.training"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def has_main(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in body)


COMMANDS = [name_of(path) for path in sorted(ROOT.rglob("*.py")) if has_main(path)]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_tool_answers_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in NEEDS_RL:
        pytest.importorskip("stable_baselines3")
    tool = importlib.import_module(f"tools.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as done:
        tool.main()
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_tool_says_how_it_is_run(name: str) -> None:
    text = ROOT.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert f"python -m tools.{name}" in (ast.get_docstring(ast.parse(text)) or "")
