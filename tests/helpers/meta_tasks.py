"""Small tasks of real pictures, and the shortest meta-training there can be."""

import torch

from drivemeta.plugins.learner.episodes import Episode, Pairs
from drivemeta.plugins.learner.protocol import MetaState
from drivemeta.plugins.registry import default_registry
from drivemeta.training.meta.networks import Conv4

SHAPE = (1, 16, 16)  # the smallest that four halvings allow


class Tasks:
    """Draws real, learnable tasks: each class is a fixed picture with noise."""

    def __init__(self, n_way=3, n_shot=2, n_query=2, n_classes=8, dtype=torch.float32):
        self.n_way, self.n_shot, self.n_query = n_way, n_shot, n_query
        pictures = torch.rand(n_classes, *SHAPE, generator=torch.Generator().manual_seed(0))
        self.pictures = pictures.to(dtype)
        self.seek(0)

    def seek(self, iteration):
        self.generator = torch.Generator().manual_seed(iteration)

    def noisy(self, classes):
        noise = torch.rand(len(classes), *SHAPE, generator=self.generator)
        return 0.8 * self.pictures[classes] + 0.2 * noise

    def episode(self):
        classes = torch.randperm(len(self.pictures), generator=self.generator)[: self.n_way]
        labels = torch.arange(self.n_way)
        support = labels.repeat_interleave(self.n_shot)
        query = labels.repeat_interleave(self.n_query)
        images = self.noisy(classes[support]), self.noisy(classes[query])
        return Episode(images[0], support, images[1], query, self.n_way)

    def task(self):
        return self.episode()

    def pairs(self):
        left = torch.randint(len(self.pictures), (16,), generator=self.generator)
        other = torch.randint(1, len(self.pictures), (16,), generator=self.generator)
        same = torch.arange(16) < 8
        right = torch.where(same, left, (left + other) % len(self.pictures))
        return Pairs(self.noisy(left), self.noisy(right), same.float())


class Run:
    """The shortest run there can be: no files, no validation."""

    def __init__(self, n_iterations):
        self.n_iterations, self.progress = n_iterations, 0.0

    def train(self, model, loss, logits, optimizer=None):
        del logits
        optimizer = optimizer or torch.optim.Adam(model.parameters(), 0.003)
        model.train()
        for iteration in range(self.n_iterations):
            self.progress = iteration / self.n_iterations
            optimizer.zero_grad()
            value = loss()
            if value.requires_grad:
                value.backward()
            optimizer.step()
        self.model = model
        return MetaState(model.state_dict(), self.n_iterations, 0.0, ())


def one_block():
    """Return an embedding of one block, which compiles in seconds."""
    network = Conv4(4, kind="strided")
    network.blocks = network.blocks[:1]
    return network


def create(name, **params):
    return default_registry().create("learner", name, **params)


def prepared(name, tasks=None, **params):
    torch.manual_seed(0)
    learner = create(name, **params)
    return learner, learner.prepare(Conv4(8), tasks or Tasks()).eval()


def trained(name, n_iterations=8, network=None, **params):
    torch.manual_seed(0)
    tasks, run = Tasks(), Run(n_iterations)
    learner = create(name, **params)
    learner.meta_train(network or Conv4(8), tasks, run)
    return learner, run.model


def make_episode(support, support_labels, query, query_labels):
    """Build an episode from any integer labels; classes are numbered in ascending order."""
    classes, numbered = torch.unique(support_labels, return_inverse=True)
    query_labels = torch.searchsorted(classes, query_labels)
    return Episode(support, numbered, query, query_labels, len(classes))
