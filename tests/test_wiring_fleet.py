"""The wiring of a fleet: loaded only if accounts are configured; every call uses the session of its account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, ReadTimeoutError
from ses_reputation.aws.members import Caller, _caller
from ses_reputation.core.decide import decide
from ses_reputation.core.fleet import ROLE_VERSION
from ses_reputation.core.readings import Readings, Trouble, Unreadable
from ses_reputation.core.target import Target
from ses_reputation.fleet import FleetMonitor
from ses_reputation.run import Explained
from ses_reputation.settings import parse
from ses_reputation.settings.regions import SES_REGIONS
from ses_reputation.wiring import Environment, wire_monitor
from ses_reputation.wiring_fleet import _Accounts

ROOT = Path(__file__).parents[1]
OWN, SHOP, BLOG = "123456789012", "111111111111", "222222222222"
SETTINGS = f"""
[alerts]
emails = ["oncall@mail.test"]
[member_role]
external_id = "ours"
[[accounts]]
id = "{SHOP}"
"""
TOPIC = f"arn:aws:sns:eu-west-1:{OWN}:SesReputation"
NOON = 1_738_411_200


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    (tmp_path / "settings.toml").write_text(SETTINGS)
    return {
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "ACCOUNT_ID": TOPIC.split(":")[4],
        "PEOPLE_TOPIC_ARN": TOPIC,
        "STATE_TABLE": "SesReputation-State",
        "PROGRAMS_TOPIC_ARN": f"{TOPIC}-Programs",
        "MONITOR_ROLE_ARN": "arn:aws:iam::000000000000:role/monitor",
        "DASHBOARD_URL": "https://eu-west-1.console.aws.amazon.com/cloudwatch/home",
    }


def test_accounts_make_a_monitor_of_a_fleet(environ: dict[str, str]) -> None:
    made = wire_monitor(environ)
    assert isinstance(made, FleetMonitor)
    assert made.fleet_accounts.regions == ("eu-west-1",) and made.targets[0].account == OWN
    assert made.context.home == "eu-west-1"


def test_discovery_covers_every_region_of_the_partition(environ: dict[str, str]) -> None:
    Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text('[targets]\nregions = "discover"\n' + SETTINGS)
    made = wire_monitor(environ)
    assert isinstance(made, FleetMonitor) and made.fleet_accounts.regions == SES_REGIONS["aws"]


def test_changing_the_watched_accounts_changes_the_fingerprint(environ: dict[str, str]) -> None:
    def wanted(text: str) -> str:
        Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text(text)
        made = wire_monitor(environ)
        assert isinstance(made, FleetMonitor)
        return made.fleet_accounts.wanted

    assert wanted(SETTINGS) == wanted(SETTINGS + "[bounce]\nwarning = 0.02\n")
    assert wanted(SETTINGS) != wanted(SETTINGS + f'[[accounts]]\nid = "{BLOG}"\n')


def test_a_monitor_of_one_account_loads_no_fleet_module(environ: dict[str, str]) -> None:
    plain = SETTINGS.partition("[member_role]")[0]
    Path(environ["LAMBDA_TASK_ROOT"], "settings.toml").write_text(plain)
    code = (
        "import os, sys; from ses_reputation.wiring import wire_monitor; wire_monitor(os.environ); "
        "print([m for m in sys.modules if m.startswith('ses_reputation') and m.rsplit('.')[-1] in "
        "('fleet_accounts', 'roster', 'fleet_store', 'members', 'organization', 'wiring_fleet')], 'ses_reputation.fleet' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ, "PYTHONPATH": str(ROOT / "lambda")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] False"


def test_every_region_with_ses_that_the_sdk_knows_is_searched() -> None:
    import botocore.session

    session = botocore.session.get_session()
    for partition in ("aws", "aws-us-gov", "aws-cn"):
        known = session.get_available_regions("ses", partition_name=partition)
        assert set(known) <= set(SES_REGIONS[partition])


# -- access to the accounts


class Roles:
    def caller(self, account: str) -> Caller | Unreadable:
        if account == BLOG:
            return Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
        return Caller(account, ReadOnlyCredentials(f"AKID{account}", "secret", None))

    def refused(self) -> set[str]:
        return {BLOG}


class Client:
    """Every service at once; records the account of each call."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __getattr__(self, operation: str) -> Any:
        def call(**_: Any) -> Any:
            caller = _caller.get()
            self.world.calls.append((operation, "nobody" if caller is None else caller.account))
            answer = self.world.answers.get(operation, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class World:
    def __init__(self, look: str = "off") -> None:
        self.calls: list[tuple[str, str]] = []
        self.answers: dict[str, Any] = {}
        environment = Environment(Path(), TOPIC.split(":")[4], TOPIC, "", "table", "", "")
        self.accounts = _Accounts(
            lambda service, where, config: Client(self),
            Roles(),  # type: ignore[arg-type]
            parse(f'{SETTINGS}[cause]\nlook = "{look}"\n'),
            environment,
        )


def denied(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetSendStatistics")


def test_every_call_for_a_target_uses_its_account() -> None:
    world = World()
    world.accounts.read(Target(SHOP, "eu-west-1", "shop"), NOON)
    world.accounts.read(Target(OWN, "eu-west-1", "own"), NOON)
    calls = ["get_send_statistics", "get_account", "get_metric_data"]
    assert world.calls == [(call, account) for account in (SHOP, OWN) for call in calls]
    assert _caller.get() is None


def test_findings_are_read_once_an_hour_with_the_accounts_session() -> None:
    world = World("domains")
    found = [world.accounts.read(Target(SHOP, "eu-west-1", "shop"), NOON + tick * 900).findings for tick in range(4)]
    assert sum(each is not None for each in found) == 1
    assert "list_recommendations" in dict(world.calls)
    assert {account for _, account in world.calls} == {SHOP}


def test_an_account_without_a_role_gets_no_call() -> None:
    world = World()
    assert world.accounts.read(Target(BLOG, "eu-west-1", "blog"), NOON) == Readings(
        Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
    )
    assert world.accounts.sends(Target(BLOG, "eu-west-1")) == Unreadable(Trouble.ROLE, "AssumeRole: AccessDenied")
    assert world.accounts.role_version(BLOG) is None and world.accounts.refuses(BLOG)
    assert world.calls == []


def test_a_hanging_region_gets_no_further_call() -> None:
    world = World()
    world.answers["get_send_statistics"] = ReadTimeoutError(endpoint_url="https://email")
    readings = world.accounts.read(Target(SHOP, "eu-west-1", "shop"), NOON)
    assert readings == Readings(Unreadable(Trouble.TIMED_OUT, "GetSendStatistics: ReadTimeoutError"))
    assert world.calls == [("get_send_statistics", SHOP)]


@pytest.mark.parametrize(
    ("answer", "sends"),
    [
        ({"SendDataPoints": []}, False),
        (denied("AccessDenied"), Trouble.DENIED),  # by a policy of the organization
        (denied("InvalidClientTokenId"), Trouble.NOT_ENABLED),
        (denied("Throttling"), Trouble.THROTTLED),
        (ReadTimeoutError(endpoint_url="https://email"), Trouble.TIMED_OUT),
        ({"SendDataPoints": [{"Timestamp": "yesterday"}]}, Trouble.BAD_ANSWER),
    ],
)
def test_a_region_is_sending_idle_or_unknown(answer: Any, sends: bool | Trouble) -> None:
    world = World()
    world.answers["get_send_statistics"] = answer
    found = world.accounts.sends(Target(SHOP, "eu-west-1"))
    assert (found.trouble if isinstance(found, Unreadable) else found) is sends


def test_the_version_of_a_role_is_read_with_its_accounts_session() -> None:
    world = World()
    world.answers["get_role"] = {"Role": {"Tags": [{"Key": "ses-reputation-version", "Value": "7-off"}]}}
    assert world.accounts.role_version(SHOP) == 7 and world.accounts.role_version(OWN) == ROLE_VERSION
    assert world.calls == [("get_role", SHOP)]
    more = World("domains")
    more.answers = world.answers
    assert more.accounts.role_version(SHOP) == 0


def test_the_cause_search_uses_the_account_of_the_alert() -> None:
    seen = []

    def explain(plan: Any) -> Explained:
        caller = _caller.get()
        seen.append(None if caller is None else caller.account)
        return Explained(plan)

    world = World()
    for account in (SHOP, BLOG):
        target = Target(account, "eu-west-1", "a")
        plan = decide(target, Readings(()), None, parse(SETTINGS).policy, NOON)
        assert world.accounts.explained(explain, plan).plan is plan
    assert seen == [SHOP]
