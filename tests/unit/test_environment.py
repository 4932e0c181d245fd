import importlib.metadata
import re

import yaml
from paths import ROOT

LOCK = (ROOT / "envs/requirements.lock").read_text().splitlines()
PINS = [line for line in LOCK if not line.startswith("#")]


def test_every_requirement_is_pinned_exactly_and_none_names_an_index():
    assert len(PINS) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.!]*", line) for line in PINS)


def test_what_is_installed_is_what_is_locked():
    embedded = (ROOT / "envs/embedded.txt").read_text().splitlines()
    for pin in [*PINS, *(line for line in embedded if not line.startswith("#"))]:
        name, version = pin.split("==")
        assert importlib.metadata.version(name).split("+")[0] == version


def test_the_conda_environment_has_the_same_pins():
    conda = yaml.safe_load((ROOT / "envs/tunegrid.yaml").read_text())["dependencies"]
    assert conda[-1] == {"pip": PINS}


def test_the_direct_requirements_are_locked():
    direct = re.findall(
        r"^([a-z][\w-]*)", (ROOT / "envs/requirements.in").read_text(), re.MULTILINE
    )
    assert {name.lower() for name in direct} <= {pin.split("==")[0].lower() for pin in PINS}
