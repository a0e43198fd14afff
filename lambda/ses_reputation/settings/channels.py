"""The tables [slack], [chat], [teams], [pagerduty], [events] and [[routes]] of settings.toml: where notifications go besides
email."""

from __future__ import annotations

from dataclasses import dataclass

from .patterns import ACCOUNT, EMAIL, PARAMETER, REGION, STORED
from .table import Table


@dataclass(frozen=True, slots=True)
class Stored:
    """Place of a stored secret: named here, never written."""

    parameter: str = ""  # name of an SSM parameter; empty: none
    secret: str = ""  # name or ARN of a secret in Secrets Manager; empty: none

    @property
    def on(self) -> bool:
        return bool(self.parameter or self.secret)


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack."""

    webhook: Stored
    mention: str  # "here", "channel" or the id of a user group, called when an alert is critical; empty: nobody

    @property
    def on(self) -> bool:
        return self.webhook.on


@dataclass(frozen=True, slots=True)
class Chat:
    """A channel of Slack that Amazon Q Developer in chat applications writes to."""

    workspace_id: str  # both empty: none
    channel_id: str
    existing: bool  # a channel that Amazon Q Developer has already takes the topic

    @property
    def on(self) -> bool:
        return self.existing or self.new

    @property
    def new(self) -> bool:
        """Tell if a channel is configured."""
        return bool(self.workspace_id and self.channel_id)


@dataclass(frozen=True, slots=True)
class Events:
    """Amazon EventBridge: notifications out, changes of the account in."""

    bus: str  # name or ARN; empty: none
    run_at_once: bool  # when SES or AWS Health reports a change


@dataclass(frozen=True, slots=True)
class Teams:
    """A channel of Microsoft Teams that Amazon Q Developer in chat applications writes to."""

    tenant_id: str  # all empty: none
    team_id: str
    channel_id: str

    @property
    def on(self) -> bool:
        return bool(self.tenant_id and self.team_id and self.channel_id)


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """An Events API v2 integration of PagerDuty."""

    routing_key: Stored
    service_region: str  # "us" or "eu"

    @property
    def on(self) -> bool:
        return self.routing_key.on


@dataclass(frozen=True, slots=True)
class Route:
    """Further recipients for some alerts. Nobody else gets less."""

    severity: str  # the least: "warning" or "critical"
    regions: tuple[str, ...]  # empty: all
    emails: tuple[str, ...]
    webhook: Stored
    accounts: tuple[str, ...] = ()  # empty: all

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attributes that a message must have for this route: a filter policy; empty if the route gets everything."""
        severities = {"severity": ("critical",)} if self.severity == "critical" else {}
        places = {"region": self.regions, "account": self.accounts}
        return severities | {name: words for name, words in places.items() if words}


def _stored(table: Table, what: str, name: str, example: str) -> Stored:
    """Read where a secret is stored."""
    parameter, secret = f"{name}_parameter", f"{name}_secret"
    stored = Stored(
        table.text(
            parameter,
            "",
            f"the full name of an SSM parameter, like {example}; or nothing",
            rf"(?:{PARAMETER})?",
            f"The SecureString parameter that holds {what}. It must exist before the stack is deployed.",
        ),
        table.text(
            secret,
            "",
            "the name or the ARN of a secret; or nothing",
            rf"(?:{STORED})?",
            f"Instead of the parameter: the secret in Secrets Manager that holds {what}.",
        ),
    )
    if stored.parameter and stored.secret:
        table.refuse(secret, f"either {parameter} or {secret}", "remove one of them")
    return stored


def read_slack(table: Table) -> Slack:
    return Slack(
        _stored(table, "the webhook's address", "webhook", "/ses-reputation/slack"),
        table.text(
            "mention",
            "",
            "here, channel, or the id of a user group like S0123ABCD; or nothing",
            r"(?:here|channel|S[A-Z0-9]{5,20})?",
            "Who is called when an alert opens as critical or becomes critical.",
        ),
    )


def read_chat(table: Table) -> Chat:
    chat = Chat(
        table.text(
            "workspace_id",
            "",
            "the id of a Slack workspace, like T0123ABCD; or nothing",
            r"(?:[A-Z0-9]{1,255})?",
            "The workspace. An administrator must have let Amazon Q Developer into it once, in its console.",
        ),
        table.text(
            "channel_id",
            "",
            "the id of a Slack channel, like C0123ABCD, not its name; or nothing",
            r"(?:[A-Za-z0-9]{1,256})?",
            "The channel. The last part of its link; a private one must have invited @Amazon Q.",
        ),
        table.flag(
            "existing",
            False,
            "Create only the topic, for channels of Slack or Teams that Amazon Q Developer already posts in: add the stack's output ChatTopicArn to their topics.",
        ),
    )
    if chat.existing and chat.new:
        table.refuse("existing", "either existing or the ids of a channel", "remove one of them")
    _all_or_none(table, {"workspace_id": chat.workspace_id, "channel_id": chat.channel_id})
    return chat


_BUS = r"arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]{1,256}|(?!arn:)[A-Za-z0-9/._-]{1,256}"


def read_events(table: Table) -> Events:
    return Events(
        table.text(
            "bus",
            "",
            "the name or the ARN of an event bus in the region of the stack, like default; or nothing",
            f"(?:{_BUS})?",
            "The event bus that gets every notification as an event.",
        ),
        table.flag(
            "run_at_once",
            False,
            "Run at once when SES or AWS Health reports a change in the region of the stack, beside the schedule.",
        ),
    )


_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_TEAMS_CHANNEL = r"(?=.{1,255}$)[A-Za-z0-9_=+/.,-]*%3[aA][A-Za-z0-9_=+/.,-]*%40[A-Za-z0-9_=+/.,-]*"
"""As AWS::Chatbot::MicrosoftTeamsChannelConfiguration takes it: still with the percent signs of the channel's link."""


def read_teams(table: Table) -> Teams:
    teams = Teams(
        table.text(
            "tenant_id",
            "",
            "the tenantId of the channel's link; or nothing",
            rf"(?:{_UUID})?",
            "The tenant. An administrator must have let Amazon Q Developer into it once, in its console.",
        ),
        table.text("team_id", "", "the groupId of the channel's link; or nothing", rf"(?:{_UUID})?", "The team."),
        table.text(
            "channel_id",
            "",
            "the part of the channel's link after /channel/, like 19%3a0123abcd%40thread.tacv2; or nothing",
            rf"(?:{_TEAMS_CHANNEL})?",
            "The channel.",
        ),
    )
    _all_or_none(table, {"tenant_id": teams.tenant_id, "team_id": teams.team_id, "channel_id": teams.channel_id})
    return teams


def _all_or_none(table: Table, given: dict[str, str]) -> None:
    """Refuse the keys that are missing beside others, unless something else is wrong with them already."""
    if not any(given.values()):
        return
    for key, value in given.items():
        if not value and table.given.get(key, "") == "":
            names = list(given)
            table.refuse(
                key,
                f"{', '.join(names[:-1])} and {names[-1]} together",
                "write both, or neither" if len(names) == 2 else "write all, or none",
            )


def read_pagerduty(table: Table) -> PagerDuty:
    return PagerDuty(
        _stored(table, "the integration key", "routing_key", "/ses-reputation/pagerduty"),
        table.one_of("service_region", "us", ("us", "eu"), "PagerDuty's service region of your account."),
    )


def read_routes(file: Table, everybody: tuple[str, ...]) -> tuple[Route, ...]:
    """Read the routes. `everybody` gets every notification anyway."""
    seen = {address.lower() for address in everybody}

    def read_route(table: Table) -> Route:
        route = Route(
            table.one_of("severity", "warning", ("warning", "critical"), "The least severity of the alerts."),
            table.words(
                "regions", "a region", REGION, 'write its code, like "eu-west-1"', "Their regions. Empty: all."
            ),
            table.words(
                "emails",
                "an email address",
                EMAIL,
                "write bare addresses, each in its own quotes",
                "Who gets them by email.",
            ),
            _stored(table, "the address of another webhook of Slack", "webhook", "/ses-reputation/slack-oncall"),
            table.words(
                "accounts",
                "the 12 digits of an account",
                ACCOUNT,
                "write its id in quotes",
                "Their accounts. Empty: all.",
            ),
        )
        for address in route.emails:
            if address.lower() in seen:
                table.refuse("emails", "addresses that no other place names", "remove it here or there", address)
            seen.add(address.lower())
        if not route.emails and not route.webhook.on and table.given.get("emails", []) == []:
            table.refuse("emails", "at least one email address, or a webhook", "name who gets these alerts")
        return route

    example = '{ severity = "critical", emails = ["oncall@example.com"] }'
    routes = file.each("routes", example, read_route, "Further recipients for some alerts. Nobody else gets less.")
    return () if routes is None else tuple(routes)
