"""Layouts of other people's detectors: the protocol, and what their plugins are built from."""
