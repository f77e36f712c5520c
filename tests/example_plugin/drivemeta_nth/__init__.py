"""A scheduler plugin for DriveMeta; importing the package does nothing."""
