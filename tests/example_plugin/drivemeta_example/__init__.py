"""Plugins for DriveMeta that live in a package of their own."""
