import pytest

from lexseg.errors import ModelError
from lexseg.models import MODELS, create_model


class OfTheUser:
    """A method that is found by its place, as those of LexSeg are, and takes what it is given."""

    def __init__(self, width: int = 8, **more):
        self.width, self.more = width, more


def test_an_unknown_method_lists_those_there_are():
    with pytest.raises(ModelError, match=r"unknown method 'tcma'; choose one of .*lsms.*tmca"):
        create_model("tcma")


@pytest.mark.parametrize("method", sorted(MODELS))
def test_an_unknown_setting_is_named_with_those_there_are(method):
    with pytest.raises(ModelError, match=rf"{method}: model\.widht: there is no such setting; there are .*encoder"):
        create_model(method, widht=8)


@pytest.mark.parametrize(
    ("method", "keyword", "value", "choices"),
    [
        ("tmca", "distance", "far", "global, masked, masked[+]context, soft"),
        ("lsms", "decoder", "hambuger", "full-scale, hamburger"),
        ("clipseg", "film", "all", "deepest, every"),
        ("unet", "upsample", "cubic", "subpixel, bilinear"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_refused(method, keyword, value, choices):
    with pytest.raises(ModelError, match=rf"{method}: model\.{keyword}: '{value}' is none of its choices: {choices}"):
        create_model(method, **{keyword: value})


def test_a_choice_within_the_keywords_of_a_part_is_looked_at_too():
    random = {"encoder": "efficientnet-lite0", "encoder_args": {"pretrained": False}}
    with pytest.raises(ModelError, match=r"lsms: model\.decoder_args\.context: 'covn' is none of its choices: conv, "):
        create_model("lsms", **random, decoder_args={"context": "covn"})
    with pytest.raises(ModelError, match=r"lsms: model\.decoder_args\.rnak: there is no such setting"):
        create_model("lsms", **random, decoder="hamburger", decoder_args={"rnak": 4})


def test_a_value_that_a_method_refuses_is_told_with_its_name():
    with pytest.raises(ModelError, match=r"lsms: .*language_blocks='none'"):
        create_model(
            "lsms",
            encoder="efficientnet-lite0",
            encoder_args={"pretrained": False},
            language_blocks="none",
            decoder="hamburger",
        )


def test_a_method_that_takes_any_keyword_is_given_it(monkeypatch):
    monkeypatch.setitem(MODELS, "own", f"{__name__}:OfTheUser")
    model = create_model("own", width=4, depth=2)
    assert (model.width, model.more) == (4, {"depth": 2})
