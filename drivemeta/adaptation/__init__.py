"""`drivemeta adapt`: from a few annotated frames to a detector that knows their classes."""
