"""A configuration says by `kind` what is meta-trained."""

import pytest

from drivemeta.errors import ConfigError
from drivemeta.paths import builtin_folder
from drivemeta.training.meta.kinds import load_meta_training
from drivemeta.training.meta.omniglot_training import MetaTraining
from drivemeta.training.meta.sign_training import SignTraining


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("metatrain_omniglot.yaml", MetaTraining),
        ("metatrain_omniglot_gradient.yaml", MetaTraining),
        ("metatrain_signs.yaml", SignTraining),
        ("metatrain_signs_compared.yaml", SignTraining),
    ],
)
def test_the_kind_of_a_configuration_is_its_own_word(name, kind):
    assert isinstance(load_meta_training(builtin_folder("configs") / name), kind)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("out: x\nsigns: y\nlearners: {}", "kind: is missing; expected 'omniglot' or 'signs'"),
        ("kind: sings", "kind: expected 'omniglot' or 'signs', found 'sings'"),
        ("kind: omniglot\nout: x\nsigns: y", "omniglot: is missing"),
        ("kind: signs\nout: x\nsigns: y\nlerners: {}", "lerners: unknown key; did you mean"),
    ],
)
def test_what_is_of_no_kind_or_lacks_what_its_kind_needs_is_told(tmp_path, text, told):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_meta_training(path)
