"""The infrastructure, as constructs for your own CDK app; `ses_reputation_cdk` once installed."""

from ses_reputation.settings import SettingsError

from .bundle import BundleError
from .member_role import MemberRole, MemberRoleStack
from .monitor import SesReputationMonitor
from .stack import MonitorStack

__all__ = ["BundleError", "MemberRole", "MemberRoleStack", "MonitorStack", "SesReputationMonitor", "SettingsError"]
