"""What a page says beside its figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import provenance

PRINT = "from tools.provenance import command\nprint(command())\n"


def test_the_command_is_as_typed_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "said.py").write_text(PRINT)
    command = [sys.executable, "-m", "said", "--learners", "", "--shots", "1"]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(provenance.ROOT)},
    )
    assert done.stdout == "python -m said --learners '' --shots 1\n"


def test_a_script_has_no_such_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(RuntimeError, match=r"run as `python -m tools\.\.\.`, found a script"):
        provenance.command()


def test_the_machine_is_named_by_its_processor() -> None:
    assert provenance.machine().startswith(f"{provenance.processor()}, ")
