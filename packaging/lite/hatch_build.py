"""What goes into the wheel of lexseg-lite: LexSeg's own files, and the text encoder in half its bytes."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# 19 MB, and no graphs: torch alone runs it
LEFT_OUT = ("assets/models/chest/",)


class LiteFiles(BuildHookInterface):
    """Takes the files from where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sources = Path(self.root).parents[1] / "src" / "lexseg"
        encoder = Path(os.environ.get("LEXSEG_TEXT_ENCODER") or "missing")
        if not (encoder / "rounded.json").is_file():
            raise SystemExit("LEXSEG_TEXT_ENCODER must name the rounded text encoder: use packaging/lite/build OUTPUT")
        for root, inside in ((sources, "lexseg"), (encoder, "lexseg/assets/text/minilm")):
            for path in sorted(root.rglob("*")):
                name = path.relative_to(root).as_posix()
                if path.is_file() and "__pycache__" not in path.parts and not name.startswith(LEFT_OUT):
                    build_data["force_include"][str(path)] = f"{inside}/{name}"
