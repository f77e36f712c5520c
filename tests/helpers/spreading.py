"""How tests are spread over processes."""

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/fleet/",)  # they share a cluster


class Spread(LoadFileScheduling):
    """Gives each process whole files in the order that they were collected in, some together.

    The groups of `--dist loadgroup` would say so too, but pytest 9.2 drops them without a word.
    """

    def _split_scope(self, nodeid: str) -> str:
        together = [folder for folder in TOGETHER if nodeid.startswith(folder)]
        return together[0] if together else super()._split_scope(nodeid)
