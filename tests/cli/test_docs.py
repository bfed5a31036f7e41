"""The commands in README and docs are commands that there are."""

import re
import shlex
from pathlib import Path

import pytest

from lexseg.cli import main as cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands():
    """Every `lexseg ...` line of the shell blocks, less usage lines with brackets."""
    for page in PAGES:
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                line = line.removeprefix("$ ").strip()
                if line.startswith("lexseg ") and "[" not in line:
                    yield pytest.param(line, id=f"{page.name}: {line[:60]}")


@pytest.mark.parametrize("line", list(commands()))
def test_a_documented_command_can_be_parsed(line):
    arguments = shlex.split(line, comments=True)[1:]
    if arguments[0] in cli._OWN_PARSER:  # their own tests read the recipes
        return
    arguments, _ = cli._imports(arguments)
    cli._parser(only=arguments[0]).parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if not t.startswith("http") and not (page.parent / t).exists()]
    assert not missing
