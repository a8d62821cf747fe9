"""`make bench`: what kanto costs, each figure beside a floor that is measured in the same run."""
