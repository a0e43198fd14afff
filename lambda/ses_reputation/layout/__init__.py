"""Notifications laid out for a channel: email, Slack, Amazon Q Developer, PagerDuty, EventBridge."""
