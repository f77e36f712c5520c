"""`drivemeta base`: a detector of the user's own as the base, recognised, proven and joined."""
