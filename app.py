"""Front door: settings → App → stack. `cdk deploy -c settings=prod.toml` takes another settings
file; `-c member_role=1` deploys the role of another account instead."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "lambda"))

from aws_cdk import App
from ses_reputation.settings import load

from infra import BundleError, MemberRoleStack, MonitorStack, SettingsError
from infra.member_role import STACK


def main() -> None:
    app = App()
    file = ROOT / str(app.node.try_get_context("settings") or "settings.toml")
    try:
        settings = load(file)
        if app.node.try_get_context("member_role"):  # for another account, which has nothing else of the monitor
            MemberRoleStack(app, STACK, settings=settings)
            app.synth()
            return
        MonitorStack(app, settings.stack_name, settings_file=file)
    except (SettingsError, BundleError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
