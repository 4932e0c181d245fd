"""Files inside installed packages: read where they lie, the package never imported."""

import importlib.metadata
from pathlib import Path

from tunegrid.config.entries import Package
from tunegrid.errors import UserError


def package_file(package: Package, path: str) -> Path:
    """Where the file or folder `path` of an installed package lies.

    Args:
        package: the distribution and the exact version that the catalogue pins.
        path: relative to the folder that packages are installed in.

    Raises:
        UserError: the package is not installed, has another version, or holds no such path.
    """
    found = package_root(package) / path
    if not found.exists():
        raise UserError(f"package {package.name}=={package.version} holds no {path}")
    return found


def package_root(package: Package) -> Path:
    """The folder that an installed package's paths are relative to.

    Raises:
        UserError: the package is not installed, or has another version.
    """
    pinned = f"{package.name}=={package.version}"
    try:
        distribution = importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"package {package.name} is not installed; run: pip install --no-deps {pinned}"
        ) from None
    if distribution.version != package.version:
        raise UserError(
            f"package {package.name} has version {distribution.version}, the catalogue pins"
            f" {package.version}; run: pip install --no-deps {pinned}"
        )
    return Path(str(distribution.locate_file("")))
