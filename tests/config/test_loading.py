"""Configurations: one extends another, all mistakes come at once, the nearest key is named."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from drivemeta.config import load_config, validate
from drivemeta.errors import ConfigError
from drivemeta.paths import builtin_folder


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Sink(Strict):
    name: str
    bitrate: int = 4


class Run(Strict):
    out: str
    batch: int = Field(8, ge=1)
    sinks: list[Sink] = []
    best: Sink | None = None


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_takes_from_what_it_extends(tmp_path):
    write(
        tmp_path, "base.yaml", "out: a\nbatch: 4\nbest: {name: mp4, bitrate: 9}\nsinks: [{name: x}]"
    )
    write(tmp_path, "middle.yaml", "extends: base.yaml\nbatch: 5")
    top = write(
        tmp_path, "deep/top.yaml", "extends: ../middle.yaml\nbest: {name: jsonl}\nsinks: []"
    )
    config = load_config(top, Run)
    assert config == Run(out="a", batch=5, best=Sink(name="jsonl", bitrate=9), sinks=[])


def test_all_mistakes_come_at_once_with_the_file(tmp_path):
    path = write(tmp_path, "c.yaml", "batch: none\nsinks: [{nam: mp4}]\noutt: run")
    with pytest.raises(ConfigError) as caught:
        load_config(path, Run)
    message = str(caught.value)
    assert f"{path}: 5 mistakes" in message
    assert "out: is missing" in message
    assert "outt: unknown key; did you mean 'out'?" in message
    assert "batch: expected a whole number" in message
    assert "found 'none'" in message
    assert "sinks.0.name: is missing" in message
    assert "sinks.0.nam: unknown key; did you mean 'name'?" in message


def test_keys_below_an_optional_model_are_suggested_too():
    with pytest.raises(ConfigError, match=r"best\.bitrat: unknown key; did you mean 'bitrate'\?"):
        validate({"out": "a", "best": {"name": "mp4", "bitrat": 3}}, Run, "here")


def test_files_that_extend_each_other_are_refused(tmp_path):
    write(tmp_path, "a.yaml", "extends: b.yaml")
    write(tmp_path, "b.yaml", "extends: a.yaml")
    with pytest.raises(ConfigError, match=r"in a circle: a\.yaml -> b\.yaml -> a\.yaml"):
        load_config(tmp_path / "a.yaml", Run)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "expected a mapping, found list"),
        ("", "expected a mapping, found NoneType"),
        ("out: [", "cannot read the configuration"),
        ("extends: 3", "extends: expected a file name, found 3"),
        ("extends: nowhere.yaml", r"cannot read the configuration .*nowhere\.yaml"),
        ("out: !!python/object:os.system {}", "cannot read the configuration"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, "c.yaml", text), Run)


def test_a_file_that_is_not_there_suggests_a_shipped_one(tmp_path):
    with pytest.raises(ConfigError, match=r"did you mean 'train_level1_stage1\.yaml'"):
        load_config(tmp_path / "train_level1_stge1.yaml", Run)


def test_every_shipped_configuration_is_valid():
    from drivemeta.training.base.detector import DetectorTraining
    from drivemeta.training.base.embedding import EmbeddingTraining
    from drivemeta.training.base.things import ThingTraining
    from drivemeta.training.meta.omniglot_training import MetaTraining
    from drivemeta.training.meta.sign_training import SignTraining

    models = {
        "train_level1": DetectorTraining,
        "train_level2": EmbeddingTraining,
        "train_things": ThingTraining,
        "metatrain_omniglot": MetaTraining,
        "metatrain_signs": SignTraining,
    }
    for path in builtin_folder("configs").glob("*.yaml"):
        (kind,) = [kind for kind in models if path.stem.startswith(kind)]
        load_config(path, models[kind])


def test_shipped_configurations_say_how_they_are_used():
    for path in builtin_folder("configs").glob("*.yaml"):
        command, what, *_ = path.stem.split("_")
        given = {"level1": "detector", "level2": "embedding"}.get(what, "[a-z]+")
        expected = rf"# drivemeta {command} {given} configs/{path.name} \[--resume\]\n"
        assert re.match(expected, path.read_text(encoding="utf-8")), path


class Numbers(BaseModel):
    whole: int = Field(3, ge=1, lt=10)
    share: float = Field(0.5, gt=0, le=1)
    names: tuple[str, ...] = ()
    on: bool = True


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"whole": "x"}, "whole: expected a whole number, found 'x'"),
        ({"whole": 2.5}, "whole: expected a whole number, found 2.5"),
        ({"whole": 0}, "whole: expected a number of at least 1, found 0"),
        ({"whole": 10}, "whole: expected a number below 10, found 10"),
        ({"share": 0}, "share: expected a number above 0"),
        ({"share": 2}, "share: expected a number of at most 1"),
        ({"share": "x"}, "share: expected a number, found 'x'"),
        ({"names": 3}, "names: expected a list, found 3"),
        ({"names": [3]}, "names.0: expected text, found 3"),
        ({"on": "perhaps"}, "on: expected true or false, found 'perhaps'"),
    ],
)
def test_wrong_values_are_told_in_plain_words(given, told):
    with pytest.raises(ConfigError) as refused:
        validate(given, Numbers, "here")
    assert told in str(refused.value)
    assert "should" not in str(refused.value)
