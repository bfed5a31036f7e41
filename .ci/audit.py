"""Look up known holes in all that is installed, and say so where nothing could be looked up.

    python .ci/audit.py [options of pip-audit, such as --skip-editable]

pip-audit says "no known vulnerabilities" also of what it could not look up: behind an index that answers without
advisories, as many mirrors do, that is everything. So it is first asked about a package that is known to have holes.

Exit status: 0 where no hole is known, 1 where one is, 2 where it was not audited.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KNOWN = "jinja2==2.4.1"
"""Of 2010, with advisories since 2014: whoever has any knows these."""


def asked(*options: str) -> list[dict[str, Any]] | None:
    """What pip-audit says of each package; ``None`` where it fails."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        sys.stderr.write(done.stderr[-2000:])
        return None
    return told


def advisories_reachable(*options: str) -> bool:
    """Whether holes of a package that has some are told."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(f"{KNOWN}\n", encoding="utf-8")
        told = asked("--requirement", str(file), "--no-deps", "--disable-pip", *options)
    return bool(told) and any(package.get("vulns") for package in told or [])


def main(given: list[str]) -> int:
    """Audit; gives the exit status."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("--vulnerability-service", "--osv-url", "--timeout"):
        parser.add_argument(option)
    service, rest = parser.parse_known_args(given)
    where = [word for name, value in vars(service).items() if value for word in (f"--{name.replace('_', '-')}", value)]
    options = [*where, *rest]
    if not advisories_reachable(*where):
        print("not audited: no advisories reachable", file=sys.stderr)
        return 2
    told = asked(*options)
    looked_up = [package for package in told or [] if "skip_reason" not in package]
    if told is None or not looked_up:
        print("not audited: nothing that is installed could be looked up", file=sys.stderr)
        return 2
    if skipped := [package["name"] for package in told if "skip_reason" in package]:
        print(f"{len(skipped)} packages were not looked up: {', '.join(sorted(skipped))}", file=sys.stderr)
    holes = [(package, hole) for package in looked_up for hole in package["vulns"]]
    for package, hole in holes:
        fixed = f"; mended in {', '.join(hole['fix_versions'])}" if hole["fix_versions"] else ""
        print(f"{package['name']} {package['version']}: {hole['id']}{fixed}")
    print(f"{len(looked_up)} packages looked up, {len(holes) or 'no'} known holes")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
