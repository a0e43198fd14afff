"""Front door: settings → App → stack. `cdk deploy -c settings=prod.toml` takes another settings file."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "lambda"))

from aws_cdk import Annotations, App
from aws_cdk.aws_lambda import Code
from ses_reputation.settings import SettingsError, load

from cli.aws import unknown_regions
from infra.bundle import BundleError, build
from infra.stack import MonitorStack


def main() -> None:
    app = App()
    file = ROOT / str(app.node.try_get_context("settings") or "settings.toml")
    try:
        settings = load(file)
        code = Code.from_asset(str(build(file)))
    except (SettingsError, BundleError) as error:
        sys.exit(str(error))
    stack = MonitorStack(app, settings.stack_name, settings=settings, code=code)
    if settings.alerts.example_recipients:
        Annotations.of(stack).add_warning_v2(
            "ses-reputation:example-recipients",
            f"Nobody reads {', '.join(settings.alerts.example_recipients)}: name the people who are to be told in {file.name}.",
        )
    for warning in unknown_regions(settings.targets.regions):
        Annotations.of(stack).add_warning_v2("ses-reputation:unknown-region", warning)
    app.synth()


if __name__ == "__main__":
    main()
