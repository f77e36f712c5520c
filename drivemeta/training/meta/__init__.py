"""`drivemeta metatrain`: the learners."""
