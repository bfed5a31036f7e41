"""Pages of HTML: from templates that stand beside the code, every value escaped unless it is HTML already."""

import base64
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """Fill a template of the package with values, escaped as HTML asks for.

    Args:
        template: its template's path within the package, such as ``outputs/gallery.html``.
        **values: what the template names. ``markupsafe.Markup`` is taken as it stands.
    """
    return _environment().get_template(template).render(values)


def data_uri(content: bytes, media: str = "image/png") -> str:
    """A file within the page."""
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(str(files("lexseg"))),
        autoescape=True,
        undefined=StrictUndefined,  # a name that is wrong is a fault, not a gap
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["data_uri"] = data_uri
    return environment
