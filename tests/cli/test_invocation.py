"""`--plugin-path` reaches every command that needs plugins, by its registry alone."""

import pytest

from tests.helpers.cli import call
from tests.helpers.plugins import write_plugin

DETECTOR = "out: {0}\ndata: {0}\nsources: [{{name: bdd, share: 1}}]\ndetector: mine\n"
OMNIGLOT = "kind: omniglot\nout: {0}\nomniglot: {0}/none.npz\n"
SIGNS = "kind: signs\nout: {0}\nsigns: {0}\nlearners: {{mine: {{}}}}\n"


@pytest.mark.parametrize(
    ("kind", "words", "text"),
    [
        ("detector", ["train", "detector"], DETECTOR),
        ("learner", ["metatrain", "mine"], OMNIGLOT),
        ("learner", ["metatrain", "mine"], SIGNS),
    ],
)
def test_trainings_find_the_plugins_of_the_call(tmp_path, capsys, kind, words, text):
    write_plugin(tmp_path / "more" / f"{kind}s" / "mine", kind=kind)  # it is a tracker's code
    config = tmp_path / "c.yaml"
    config.write_text(text.format(tmp_path))
    assert call("--plugin-path", tmp_path / "more", *words, config) == 1
    told = f"{kind} 'mine' from {tmp_path}/more does not fit the {kind} protocol"
    assert told in capsys.readouterr().err
    assert call(*words, config) == 2
    assert f"unknown {kind} 'mine'" in capsys.readouterr().err
