"""The descriptions of services, read without looking at those of other services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

SERVICES = Path(__file__).parents[1] / "services.json"


def read_less_data(session: Session) -> None:
    """Give `session` a loader for the services in services.json alone."""
    session.register_component("data_loader", _Data(file_loader=_Json()))


class _Json(JSONFileLoader):
    """Read the data that the build has unpacked, into plain dictionaries; other data as botocore does."""

    def load_file(self, file_path: str) -> Any:
        try:
            with open(f"{file_path}.json", "rb") as file:  # noqa: PTH123  botocore has paths as texts
                return json.load(file)
        except FileNotFoundError:
            return super().load_file(file_path)


class _Data(Loader):
    """A fixed list of services, without a scan of four hundred folders; and no table of endpoints, which services with endpoint
    rules do not need."""

    def list_available_services(self, type_name: str) -> list[str]:
        names: list[str] = json.loads(SERVICES.read_bytes())
        return names

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        if name == "endpoints":
            return {"version": 3, "partitions": []}, self.BUILTIN_DATA_PATH
        found: tuple[Any, str] = super().load_data_with_path(name)
        return found
