"""`make demo`, with its first day of trouble only: it runs, says who causes it, and leaves the emails and pictures that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import demo
from local_aws.story import HOUR, Story, last_story


class Opening(Story):
    """The story up to the hour in which the bad list is noticed."""

    def ticks(self) -> Iterator[int]:
        yield from range(self.start + HOUR // 2, self.bad_list, 24 * HOUR)
        yield from (self.bad_list + HOUR // 4, self.bad_list + HOUR // 2)


def test_the_demo_names_the_cause_and_leaves_the_files_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main(tmp_path, lambda now: Opening(last_story(now).start))
    printed = capsys.readouterr().out
    [email] = (tmp_path / "emails.txt").read_text(encoding="utf-8").split("\n\nSubject: ")
    assert email.startswith("Subject: WARNING: SES bounce rate is high in eu-west-1")
    words = " ".join(email.split())
    assert "Cause: Likely an old or bought list." in words and "old-shop.example" in words
    assert all(line in printed for line in ("The inbox of the engineer on duty: 1 message", "18 resources", "Done in"))
    assert json.loads((tmp_path / "slack.json").read_text(encoding="utf-8"))
    for picture in ("metrics.png", "dashboard.png", "slack.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG"), picture
