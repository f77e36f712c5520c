"""Small detectors whose scores vary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drivemeta.core import SUPER_CLASSES


def build_detector(seed: int = 0, width: int = 96, input_size: tuple[int, int] = (576, 1024)):
    """Return an untrained detector of the super-classes, in evaluation mode.

    Args:
        seed: Seed of the random weights.
        width: Channels of level 1's neck and head; small ones make tests fast.
        input_size: Height and width in pixels, multiples of 64.
    """
    import torch

    from drivemeta.models.detector import TwoLevelDetector, super_class_bank
    from drivemeta.models.level1 import Level1
    from drivemeta.models.level2 import Level2

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        level1, level2 = Level1(width), Level2()
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(len(SUPER_CLASSES), level1.dim)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    bank = super_class_bank(weights, np.full(len(weights), 0.2, np.float32), level2.dim)
    return TwoLevelDetector(level1, level2, bank, input_size=input_size).eval()


def make_lively(seed: int = 3, input_size: tuple[int, int] = (128, 192)):
    """Return a random detector whose heads are scaled to vary over a scene, with six leaves."""
    import torch

    from drivemeta.core import BankRows, ClassBank, ClassSpec
    from drivemeta.export.probe_scene import draw_scene
    from drivemeta.models.crops import to_tensor

    detector = build_detector(seed, width=16, input_size=input_size)
    image = torch.nn.functional.interpolate(to_tensor(draw_scene())[None], input_size)
    level1, level2 = detector.level1, detector.level2
    wanted = {level1.embed: (0.0, 1.0), level1.quality: (0.0, 2.0), level1.distances: (0.7, 0.5)}

    def spread(layer, inputs, output):
        if layer not in waiting:  # each head is met once a stride: the finest map sets it
            return output
        waiting.remove(layer)
        mean, std = wanted.get(layer, (0.0, 1.0))
        found = output.flatten(2).mean((0, 2)) if output.ndim == 4 else output.mean(0)
        layer.weight.data *= std / output.std()
        layer.bias.data = (layer.bias.data - found) * std / output.std() + mean
        return layer.forward(inputs[0])

    random = torch.Generator().manual_seed(seed)
    torch.nn.init.normal_(level1.distances.weight, generator=random)
    waiting = {*wanted, level2.project}
    hooks = [layer.register_forward_hook(spread) for layer in waiting]
    patches = torch.nn.functional.unfold(image, 64, stride=16)  # (1, 3 * 64 * 64, n)
    for module in level2.modules():
        if isinstance(module, torch.nn.Conv2d):  # torch's default lets differences fade away
            torch.nn.init.kaiming_normal_(module.weight, generator=random)
    with torch.no_grad():
        level1(image)
        level2(patches[0].T.reshape(-1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(16, level2.dim)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    classes = detector.bank.classes
    leaves = tuple(
        ClassSpec(f"leaf{i}", classes[3 + i % 2].name, "novel", 0.2, 5) for i in range(6)
    )
    owners = np.array([5 + i % 6 for i in range(12)] + [-1, -1, 3, 4], np.int64)
    roots = np.array([3 + i % 2 for i in range(16)], np.int64)
    rows = BankRows(weights, np.zeros(16, np.float32), owners, roots)
    detector.scoring = replace(detector.scoring, parent_power=0.5, cyclist_weight=1.5)
    return detector.with_(bank=ClassBank((*classes, *leaves), detector.bank.dense, rows))


def make_things(seed: int = 0):
    """Return a random embedding of things whose values vary over a scene."""
    import torch

    from drivemeta.export.probe_scene import draw_scene
    from drivemeta.models.crops import to_tensor
    from drivemeta.models.things import THING_CROP_SIZE, ThingEmbedding

    size = THING_CROP_SIZE
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = ThingEmbedding().eval()
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
        patches = torch.nn.functional.unfold(to_tensor(draw_scene())[None], size, stride=80)
        features = network.features(network.backbone(patches[0].T.reshape(-1, 3, size, size)))
        network.project.weight.normal_()
        found = features @ network.project.weight.T
        network.project.weight /= found.std(0, keepdim=True).T
        network.project.bias.copy_(-(features @ network.project.weight.T).mean(0))
    return network


class _Runs:
    """A network that is run by torch where a session of ONNX Runtime is expected."""

    def __init__(self, network):
        self._network = network

    def run(self, _, feeds):
        import torch

        with torch.no_grad():
            found = self._network(torch.from_numpy(feeds["x"]))
        return [part.numpy() for part in (found if isinstance(found, tuple) else (found,))]


def torch_networks(detector):
    """Return the networks of a detector for a test that needs no session: no graph is traced."""
    from drivemeta.models.traced.fixed import FixedNetworks

    networks = FixedNetworks(detector)
    parts = {"_level1": detector.level1, "_level2": detector.level2, "_things": detector.things}
    networks.__dict__.update({name: _Runs(part) for name, part in parts.items()})
    return networks


def ship_things(monkeypatch, parents: dict[str, str], n: int):
    """Let `n` random embeddings, of kinds below super-classes, be the things that ship."""
    from drivemeta.adaptation import thing_columns
    from drivemeta.adaptation.report import likeness
    from drivemeta.banks.replay import ThingReplay
    from drivemeta.core.things import THING_DIM

    embeddings = np.random.default_rng(0).normal(size=(n, THING_DIM)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels = np.arange(n) % len(parents)
    shipped = ThingReplay((*parents,), (*parents.values(),), embeddings, labels)
    for module in (thing_columns, likeness):
        monkeypatch.setattr(module, "load_replay", lambda: shipped)
    return shipped
