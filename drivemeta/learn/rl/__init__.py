"""Reinforcement learning of what to do next: RL^2 on bandits, navigation and perception."""
