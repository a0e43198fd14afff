"""The monitor's own pause: an alert of its own, instead of that of sending switched off."""

from __future__ import annotations

from dataclasses import replace

from ses_reputation.core.decide import decide
from ses_reputation.core.history import BUCKET
from ses_reputation.core.pause_level import Part
from ses_reputation.core.pause_record import PauseReading

from tests.core.test_pause_guard import HEALTHY, NOW, POLICY, TARGET, pause, plan_of, read


def test_the_monitors_own_pause_is_not_reported_as_anothers() -> None:
    off = read(NOW + BUCKET, account=replace(HEALTHY, sending=False))
    ours = PauseReading(pause(part=Part.ACCOUNT, name=""))
    known = plan_of(read()).state
    checks = {d["check"] for d in decide(TARGET, off, known, POLICY, NOW + BUCKET, pause=ours).documents}
    assert "pause" in checks and "sending" not in checks
    assert "sending" in {d["check"] for d in decide(TARGET, off, known, POLICY, NOW + BUCKET).documents}


def test_a_pause_with_unknown_status_stays() -> None:
    state = decide(TARGET, read(), None, POLICY, NOW, pause=PauseReading(pause())).state
    plan = decide(TARGET, read(NOW + BUCKET), state, POLICY, NOW + BUCKET)
    assert "pause" in plan.state.tracks and "pause" not in {d["check"] for d in plan.documents}
