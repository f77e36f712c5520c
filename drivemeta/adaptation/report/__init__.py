"""What `drivemeta adapt` tells of what it learnt."""
