"""The stored state of the schema before this one, brought into the form of this one."""

from __future__ import annotations

from typing import Any

from .rules import Severity

_OLD_TRACKS = {"aws-bounce": "bounce/aws", "aws-complaint": "complaint/aws"}


def upgraded(old: dict[str, Any]) -> dict[str, Any]:
    """Bring a state of schema 2 into the form of schema 3.

    Open alerts go on; what was not delivered yet is dropped, and its alert is notified anew. Raises AttributeError, KeyError
    or TypeError for what no version has written.
    """
    waiting = {notification["episode"] for notification in old.get("pending", [])}
    tracks: dict[str, Any] = {}
    sent: dict[str, Any] = {}
    for episode in old.get("episodes", []):
        name = _OLD_TRACKS.get(episode["concern"], episode["concern"])
        rule = episode["worst"]["rule"]
        mark = _old_mark(name, rule, episode["severity"])
        tracks[name] = {
            "id": episode["id"],
            "opened_at": episode["opened_at"],
            "severity": episode["severity"],
            "held_at": episode["last_held"],
            "severe_at": episode.get("severe_at", 0),
            "worst": None,
            "mark": mark,
            "turns": episode["seq"],
        }
        check = name.partition("/")[0]
        if episode["id"] not in waiting and check not in sent:
            sent[check] = {
                "alert": episode["id"],
                "severity": episode["severity"],
                "signs": [episode["id"], f"{episode['id']} {mark}"],
                "number": episode["seq"],
                "opened_at": episode["opened_at"],
                "at": episode["told_at"],
                "counted_from": episode["told_at"],
                "reminders": episode["reminders"],
            }
    return {
        "tick": old["tick"],
        "evaluated": old.get("judged"),
        "published": old.get("published"),
        "first": old.get("first"),
        "failures": {"statistics": old.get("failures", 0), "aws": old.get("aws_failures", 0)},
        "totals": old.get("days", []),
        "tracks": tracks,
        "sent": sent,
    }


def _old_mark(track: str, rule: object, severity: object) -> str | None:
    if track == "enforcement":
        return str(rule)
    if track.endswith("/aws"):
        return "pause" if "pause" in str(rule) else "review" if severity == Severity.CRITICAL else None
    return ""
