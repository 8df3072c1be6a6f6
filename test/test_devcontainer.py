"""The container's files, as far as they can be checked without Docker: form, files that exist, and good practice."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".devcontainer"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
SETTINGS = json.loads((FOLDER / "devcontainer.json").read_text(encoding="utf-8"))
# containers.dev: the properties of a devcontainer.json that is built from a Dockerfile, as far as they are used here.
KNOWN = {
    "name",
    "build",
    "workspaceMount",
    "workspaceFolder",
    "runArgs",
    "postCreateCommand",
    "customizations",
}
INSTRUCTIONS = {"FROM", "SHELL", "RUN", "WORKDIR", "COPY", "ENV", "ENTRYPOINT", "CMD"}


def instructions():
    """Instruction and argument of each logical line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    text = re.sub(r"\\\n", " ", text)
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_settings_are_those_of_a_dev_container():
    assert set(SETTINGS) <= KNOWN
    assert (FOLDER / SETTINGS["build"]["dockerfile"]).is_file()
    assert (FOLDER / SETTINGS["build"]["context"]).resolve() == ROOT
    # A mount of one's own needs a folder of one's own.
    assert ("workspaceMount" in SETTINGS) == ("workspaceFolder" in SETTINGS)


def test_instructions_are_known_and_begin_from_a_tagged_image():
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    name, image = instructions()[0]
    assert name == "FROM"
    assert re.fullmatch(r"[\w/.-]+:[\w.-]+", image)
    assert not image.endswith(":latest")


def test_what_is_copied_exists():
    for name, rest in instructions():
        if name == "COPY":
            assert [source for source in rest.split()[:-1] if not (ROOT / source).exists()] == []


def test_packages_are_installed_without_leftovers():
    for name, rest in instructions():
        if name == "RUN" and "apt-get update" in rest:
            assert "rm -rf /var/lib/apt/lists/*" in rest
        if name == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert " -y" in rest
        if name == "RUN" and "pip install" in rest:
            assert rest.count("pip install") == rest.count("--no-cache-dir") == rest.count("--only-binary :all:")
        if name in ("ENTRYPOINT", "CMD", "SHELL"):
            assert isinstance(json.loads(rest), list)  # the exec form: signals reach the program
