"""The two-level detector in torch: level 1 finds objects, level 2 names them."""
