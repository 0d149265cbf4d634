"""README.md names only what exists: make targets, paths, endpoints, commands, settings."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from tests.environment import ROOT

README = (ROOT / "README.md").read_text()
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
ROOMS = ("heirloom", "enrollment", "verification", "bench", "tests", "docs", "deploy")
ID = "00000000-0000-4000-8000-000000000000"


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_target_exists() -> None:
    named = set(re.findall(r"`make ([a-z]+)", README)) | set(re.findall(r"^ {4}make ([a-z]+)", README, re.MULTILINE))
    assert {"run", "test", "demo"} <= named <= targets()


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_path_of_the_code_exists() -> None:
    paths = [word for word in re.findall(r"`([a-z_]+(?:/[a-z_.]+)*)`", README) if word.startswith(ROOMS)]
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\$API(/[^\"\s]*)", SHELL))))
def test_every_address_of_the_walk_through_is_answered(path: str) -> None:
    assert resolve("/api/v1" + re.sub(r"\$[A-Z]+", ID, path))


def test_every_other_address_is_answered() -> None:
    paths = set(re.findall(r"`(/[a-z0-9/]+/)`", README)) | set(re.findall(r"127\.0\.0\.1:8000(/[a-z0-9/]*)", README))
    assert {"/api/v1/docs/", "/admin/"} <= paths
    for path in paths - {"/api/v1"}:
        try:
            resolve(path)
        except Resolver404:
            pytest.fail(f"README names {path}, which nothing answers")


def test_every_management_command_exists() -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", README))
    assert "create_login" in named
    assert named <= set(get_commands())


def test_every_setting_exists() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", README))
    named |= set(re.findall(r"export ([A-Z_]+)=", SHELL))
    code = "".join(file.read_text() for file in (*ROOT.glob("heirloom/**/*.py"), ROOT / ".env.example"))
    assert named
    assert [name for name in named if name not in code] == []


def test_every_error_and_reason_code_exists() -> None:
    from heirloom.errors import CODES
    from heirloom.reviews.models import Review

    reasons = [
        code for found in re.findall(r'"reasons": \[([^\]]*)\]', README) for code in re.findall(r'"(\w+)"', found)
    ]
    assert reasons
    assert set(reasons) <= set(CODES)
    assert set(re.findall(r'"reason": "(\w+)"', README)) <= set(Review.ReasonCode.values)


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    assert all(Path(ROOT, picture).stat().st_size > 10_000 for picture in pictures)
