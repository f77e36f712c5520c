"""`drivemeta train`: both levels of the base."""
