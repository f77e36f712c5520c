"""The pages of the site that `make docs` builds."""
