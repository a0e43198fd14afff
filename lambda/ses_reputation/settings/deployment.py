"""The sections [alarms] and [deployment]: how the monitor is deployed, and what of your own it uses."""

from __future__ import annotations

from dataclasses import dataclass

from .table import Key, Table

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""Days that CloudWatch Logs accepts (PutRetentionPolicy)."""

MOST_TAGS = 50
"""Most tags that AWS accepts for one resource."""

MOST_SHARDS = 100

OWN_TAG = "application"
"""The tag that every resource gets unless it is given one of that name."""

ENCRYPTED = ("topics", "queues", "logs", "table", "environment")
"""Parts that a customer managed key can encrypt."""

ALL = "all"
"""Stands for every one of them."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """CloudWatch alarms beside the watchdog's."""

    per_target: str  # "off", or the severity from which on an alarm rings


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the monitor is deployed."""

    stage: str  # empty, or a word that tells several installations in one account apart
    fixed_names: bool  # False: CloudFormation names the resources
    schedule_minutes: int
    shards: int  # runs that share the targets at each tick; 0: as many as the targets need
    missed_runs_before_alarm: int
    log_retention_days: int
    log_class: str
    customer_managed_key: bool  # a new key
    kms_key_arn: str  # a key of your own; empty: none
    encrypt: tuple[str, ...]  # members of `ENCRYPTED`, if there is a key; or `ALL`
    keep_state: bool
    topic_arn: str  # empty: a new topic
    subnet_ids: tuple[str, ...]  # empty: no VPC
    security_group_ids: tuple[str, ...]
    permissions_boundary: str  # name or ARN of a policy; empty: none
    role_path: str
    tags: tuple[tuple[str, str], ...]

    @property
    def every(self) -> int:
        """Seconds from one run to the next."""
        return 60 * self.schedule_minutes

    def encrypts(self, part: str) -> bool:
        """Tell if the key, if there is one, encrypts a member of `ENCRYPTED`."""
        return part in self.encrypt or ALL in self.encrypt

    @property
    def new_key(self) -> bool:
        """Tell if a key is created."""
        return not self.kms_key_arn and (self.customer_managed_key or ALL in self.encrypt)


def read_alarms(table: Table, *, fleet: bool) -> Alarms:
    """Read [alarms]; problems are noted in the table."""
    alarms = Alarms(
        table.one_of(
            "per_target",
            "off",
            ("off", "warning", "critical"),
            "An alarm on the verdict of each target from this severity on, and one over all; $0.10 a month each. Not with accounts.",
        )
    )
    if fleet and alarms.per_target != "off":
        table.refuse(
            "per_target", "off, if accounts are configured", "watch the fleet's metrics, like TargetsCritical, instead"
        )
    return alarms


_ARN = r"arn:aws[a-z-]*"
_TOPIC = rf"{_ARN}:sns:[a-z0-9-]+:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}"
_KEY = rf"{_ARN}:kms:[a-z0-9-]+:[0-9]{{12}}:key/[A-Za-z0-9-]{{1,64}}"
_BOUNDARY = rf"{_ARN}:iam::(?:[0-9]{{12}}|aws):policy/[A-Za-z0-9+=,.@_/-]{{1,640}}|[A-Za-z0-9+=,.@_-]{{1,128}}"
_PATH = r"/(?:[A-Za-z0-9+=,.@_-]+/){0,20}"
_STAGE = r"(?:[a-z0-9](?:[a-z0-9-]{0,18}[a-z0-9])?)?"


def read_deployment(table: Table) -> Deployment:
    """Read [deployment]; problems are noted in the table."""
    deployment = Deployment(
        stage=table.text(
            "stage",
            "",
            "at most 20 of a-z, 0-9 and -, no - at the ends; or nothing",
            _STAGE,
            "A word like prod. It ends all names, so that several installations live in one account.",
        ),
        fixed_names=table.flag(
            "fixed_names",
            True,
            "Name the resources after the stage. If false, CloudFormation names all that need no name.",
        ),
        schedule_minutes=table.whole(
            "schedule_minutes",
            15,
            (5, 60),
            "minutes",
            "How often to look. AWS counts by quarters of an hour; hourly would miss one incident in fifty.",
        ),
        shards=table.whole(
            "shards",
            0,
            (0, MOST_SHARDS),
            "shards",
            "Runs that share the accounts at each tick; 0: one for every thousand targets that the settings list.",
        ),
        missed_runs_before_alarm=table.whole(
            "missed_runs_before_alarm",
            3,
            (2, 24),
            "runs",
            "After this many runs without success the watchdog notifies the same people, by a path of its own.",
        ),
        log_retention_days=table.one_of(
            "log_retention_days", 30, LOG_RETENTION_DAYS, "How many days the logs are kept."
        ),
        log_class=table.one_of(
            "log_class",
            "STANDARD",
            ("STANDARD", "INFREQUENT_ACCESS"),
            "Class of the log groups; it cannot be changed later.",
        ),
        customer_managed_key=table.flag(
            "customer_managed_key",
            False,
            "Create a KMS key for what `encrypt` lists, for $1 a month, and $1 more after each of its first two yearly rotations.",
        ),
        kms_key_arn=table.text(
            "kms_key_arn",
            "",
            "the ARN of a KMS key in the region of the stack; or nothing",
            f"(?:{_KEY})?",
            "Use this KMS key instead of a new one. Its policy must let CloudWatch and CloudWatch Logs use it.",
        ),
        encrypt=table.words(
            "encrypt",
            f"one of {', '.join((*ENCRYPTED, ALL))}",
            "|".join((*ENCRYPTED, ALL)),
            "remove it",
            "What the KMS key encrypts, if there is one. `all` is everything, with a new key unless kms_key_arn is given.",
            ("topics",),
        ),
        keep_state=table.flag(
            "keep_state",
            True,
            "Keep the table of open alerts when the stack is deleted, and protect it from deletion.",
        ),
        topic_arn=table.text(
            "topic_arn",
            "",
            "the ARN of an SNS topic in the region of the stack; or nothing",
            f"(?:{_TOPIC})?",
            "Use this topic instead of a new one. Its policy must let CloudWatch alarms publish.",
        ),
        subnet_ids=table.words(
            "subnet_ids",
            "the id of a subnet",
            r"subnet-[0-9a-f]{8,17}",
            "write ids like subnet-0123456789abcdef0",
            "Run the functions in these private subnets. They need a NAT gateway or VPC endpoints: docs/embedding.md lists them.",
        ),
        security_group_ids=table.words(
            "security_group_ids",
            "the id of a security group",
            r"sg-[0-9a-f]{8,17}",
            "write ids like sg-0123456789abcdef0",
            "Security groups of the functions in the VPC. They must allow HTTPS out.",
        ),
        permissions_boundary=table.text(
            "permissions_boundary",
            "",
            "the name or the ARN of an IAM policy; or nothing",
            f"(?:{_BOUNDARY})?",
            "Permissions boundary of every role.",
        ),
        role_path=table.text(
            "role_path", "/", "a path that begins and ends with /, like /team/", _PATH, "IAM path of every role."
        ),
        tags=_tags(table),
    )
    if deployment.customer_managed_key and deployment.kms_key_arn:
        table.refuse("kms_key_arn", "either customer_managed_key or kms_key_arn", "remove one of them")
    for key, other in (("subnet_ids", "security_group_ids"), ("security_group_ids", "subnet_ids")):
        if table.given.get(key) and not table.given.get(other):
            table.refuse(other, "subnet_ids and security_group_ids together", "write both, or neither")
    return deployment


def _tags(table: Table) -> tuple[tuple[str, str], ...]:
    """Tags that all services accept; to IAM, names that differ only in case are the same."""
    tags = table.table("tags", 'For every resource, like { team = "email" }.')
    seen: set[str] = set()
    for name, value in tags.given.items():
        tags.keys[name] = Key(None, "a text of at most 256 letters, digits, spaces and _.:/=+-@", "")
        if not _taggable(name, 128) or name == "" or name.lower().startswith("aws:"):
            accepted = "names of 1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with aws:"
            tags.refuse(name, accepted, "correct the name")
        elif name.lower() in seen:
            tags.refuse(name, "names that differ in more than case", "remove one of them")
        elif not _taggable(value, 256):
            tags.refuse(name, tags.keys[name].accepted, "correct it")
        seen.add(name.lower())
    most = MOST_TAGS if OWN_TAG in seen else MOST_TAGS - 1
    if len(tags.given) > most:
        accepted = f"at most {most} tags" if OWN_TAG in seen else f"at most {most} tags beside {OWN_TAG}"
        table.refuse("tags", accepted, "remove some", f"{len(tags.given)} tags")
    return tuple(tags.given.items())


def _taggable(text: object, length: int) -> bool:
    return (
        isinstance(text, str)
        and len(text) <= length
        and all(character.isalnum() or character in " _.:/=+-@" for character in text)
    )
