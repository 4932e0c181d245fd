"""The shipped catalogues of models and methods, for a question asked by hand."""

from typing import Any

import yaml

from tunegrid.paths import ROOT


def catalogue(name: str) -> dict[str, Any]:
    """The entries of `config/<name>.yaml`, unchecked: tests check those that ship."""
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
