"""Names of the fields in the function's log, for the log and for the dashboard's queries."""

from __future__ import annotations

MESSAGE = "watched"
"""Message of the log line that each run writes for each target."""

TARGET = "target"
TICK = "tick"
VERDICT = "verdict"
UNREADABLE = "unreadable"
OPEN_ALERTS = "open_alerts"
ALERTS = "alerts"
MUTED = "muted"
PAUSE = "pause"
ACCOUNT_STATE = "account_state"
QUOTA_USED = "quota_used"
AWS_BOUNCE_RATE = "aws_bounce_rate"
AWS_COMPLAINT_RATE = "aws_complaint_rate"
AWS_UNREADABLE = "aws_unreadable"
NEWEST_EMAIL_MINUTES = "newest_email_minutes"
SENT = "sent"
FAILURES = "failures"
