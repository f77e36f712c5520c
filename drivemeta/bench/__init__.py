"""`drivemeta bench`: the speed of a model, and of the bare session beside it."""
