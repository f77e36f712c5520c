"""What people see: names whole at any width, brackets as they are, progress in pipes."""

import io

import pytest

from drivemeta.cli import shown

LONG = "traffic_sign_no_entry_for_vehicles_with_more_than_two_wheels_[/b]_and_:stop_sign:_" * 2


@pytest.mark.parametrize("width", [80, None])
def test_tables_keep_whole_names(width, capsys, monkeypatch):
    console = shown.console()
    if width:
        console.width = width
    table = shown.new_table("class", "shots", "threshold")
    table.add_row(LONG, "5", "0.31")
    console.print(table)
    lines = capsys.readouterr().err.splitlines()
    cells = [line.split("│")[1].strip() for line in lines if line.count("│") == 4]
    assert "".join(cells) == LONG
    assert len(cells) == (1 if width is None else 3)
    assert width is None or max(map(len, lines)) <= 80


def test_text_in_a_pipe_is_not_wrapped(capsys):
    shown.console().print(f"wrote {LONG} {LONG}")
    assert capsys.readouterr().err == f"wrote {LONG} {LONG}\n"


def test_progress_in_a_pipe_is_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(shown, "TOLD_EVERY_S", 0.0)
    with shown.progress() as bar:
        task = bar.add_task("clip[/].mp4", total=None)
        bar.update(task, completed=3, total=7)
        bar.advance(task)
    assert capsys.readouterr().err == "clip[/].mp4: 3 of 7\nclip[/].mp4: 4 of 7\n"
    monkeypatch.setattr(shown, "TOLD_EVERY_S", 1000.0)
    with shown.progress() as bar:
        assert list(bar.track(range(3), description="detecting")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_name_with_brackets_makes_a_bar(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stderr", written := io.StringIO())
    with shown.progress() as bar:
        bar.add_task("clip[/].mp4", total=2)
    assert "clip[/].mp4" in written.getvalue()
