"""Functions to measure against: they make the same calls as the monitor's in a quiet run."""
