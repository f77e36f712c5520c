"""Many machines: workers on a Ray cluster. Nothing else of the package knows Ray."""
