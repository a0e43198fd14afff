"""Tells a team about its Amazon SES bounce and complaint rates before AWS acts."""
