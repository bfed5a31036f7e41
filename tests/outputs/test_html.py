import pytest
from jinja2 import UndefinedError
from PIL import Image

from lexseg.outputs.gallery import Shown, gallery_page
from lexseg.outputs.html import render


def test_what_is_told_of_a_case_is_no_html_of_the_page() -> None:
    picture = Image.new("L", (4, 4))
    page = gallery_page("<i>t</i>", ["<b>"], [("<u>", [Shown(picture, picture, "<script>", ("a < b", "c"))])])
    assert not any(tag in page for tag in ("<i>", "<b>&", "<u>", "<script>"))
    assert "a &lt; b<br>c" in page and "“&lt;script&gt;”" in page


def test_a_value_that_a_template_names_and_nobody_gives_is_a_fault() -> None:
    with pytest.raises(UndefinedError, match="introduction"):
        render("outputs/gallery.html", title="t", sections=[])
