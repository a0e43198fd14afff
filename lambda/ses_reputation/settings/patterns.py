"""Patterns that several tables of settings.toml accept."""

from __future__ import annotations

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
EMAIL = rf"(?=.{{1,254}}$)(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{LABEL}\.)+{_TOP}"
_PLACE = r"(?:central|(?:north|south)(?:east|west)?|east|west)"
REGION = rf"[a-z]{{2}}(?:-gov)?-{_PLACE}-[1-9][0-9]?"
ACCOUNT = r"[0-9]{12}"
PARAMETER = r"(?=.{2,1011}$)(?:/(?!(?:aws|ssm)(?:/|$))[A-Za-z0-9_.-]+)(?:/[A-Za-z0-9_.-]+){0,14}"
STORED = (
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}|[A-Za-z0-9/_+=.@-]{1,512}"
)
