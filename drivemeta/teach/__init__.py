"""`drivemeta teach`: a page on which a box is drawn once, and the whole clip lights up."""
