"""Settings of all tests."""

from hypothesis import settings

# Examples take no time of their own; a busy machine must not fail them.
settings.register_profile("default", deadline=None, max_examples=50)
settings.load_profile("default")
