"""Alerts a team about its Amazon SES bounce and complaint rates before AWS acts."""

__version__ = "0.2.0"
