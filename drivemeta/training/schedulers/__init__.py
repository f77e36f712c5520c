"""Reinforcement learning of schedulers; needs the extra `rl`."""
