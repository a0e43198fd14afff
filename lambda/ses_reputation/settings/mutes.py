"""The tables [[mute]] of settings.toml: times of every week at which nobody wants to hear of some alerts."""

from __future__ import annotations

from ..core.orders import LONGEST_REASON, Window
from .patterns import REGION
from .table import Table

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MOST_WINDOWS = 7
LONGEST_WINDOW = 12 * 60
"""In minutes. This many windows of this length leave half of the week in which everything is sent."""

EXAMPLE = '{ weekday = "tuesday", from = "08:00", to = "12:00", check = "complaint" }'
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"


def read_mutes(file: Table) -> tuple[Window, ...]:
    """Read the windows; to be used only if the file then has no problems."""
    windows = file.each("mute", EXAMPLE, _window, "Times of every week at which some alerts are not sent.")
    if windows is None:
        return ()
    if len(windows) > MOST_WINDOWS:
        file.refuse("mute", f"at most {MOST_WINDOWS} tables", "remove some", f"{len(windows)} tables")
    return tuple(windows)


def _window(table: Table) -> Window | None:
    from ..core.checks import ALL  # noqa: PLC0415  only who mutes pays for it

    weekday = table.text("weekday", None, f"one of {', '.join(DAYS)}", "|".join(DAYS), "The day on which it starts.")
    begin = table.text("from", None, "a time like 08:00", _TIME, "When it starts, in the zone of `alerts.timezone`.")
    end = table.text(
        "to", None, "a time like 12:00", _TIME, "When it ends; if not later than `from`, on the day after."
    )
    window = Window(
        DAYS.index(weekday) if weekday else 0,
        _minutes(begin),
        _minutes(end),
        table.one_of("check", "", ("", *(check.name for check in ALL)), "The alerts to hold back. Empty: all."),
        table.words("regions", "a region", REGION, 'write its code, like "eu-west-1"', "Their regions. Empty: all."),
        table.text(
            "reason", "", f"a text of at most {LONGEST_REASON} characters", rf"[^\r\n]{{0,{LONGEST_REASON}}}", "Why."
        ),
        table.flag("critical", False, "Hold back critical alerts too, which break through otherwise."),
    )
    for key in ("weekday", "from", "to"):
        if not table.has(key):
            table.refuse(key, table.keys[key].accepted, "write it")
    if begin and end and window.minutes > LONGEST_WINDOW:
        table.refuse("to", "at most 12 hours after from", "shorten it: muted alerts get overlooked")
    return window


def _minutes(time: str | None) -> int:
    if time is None:
        return 0
    hours, _, minutes = time.partition(":")
    return 60 * int(hours) + int(minutes)
