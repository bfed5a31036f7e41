import pytest
from tokenizers import Tokenizer

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.reader import TokenReader, minilm_reader
from lexseg.errors import TextError

WORDS = {"kind": "word", "vocabulary": ["left", "lung", "opacity", ".", "3", "_", "ä"]}
SENTENCES = (
    "Opacity in the LEFT lung.", "3.5 cm_opacity,  ÄRZTE\tsay:  left-sided\n(lung)", "naïve 肺 \U0001f642 x̂", "...",
)  # fmt: skip


@pytest.fixture(scope="module", params=[WORDS, {"kind": "minilm"}], ids=["word", "minilm"])
def pair(request):
    encoder = create_text_encoder(request.param)
    about = {name: getattr(encoder, name) for name in ("name", "width", "max_length", "pad_id", "unknown_id")}
    return encoder, TokenReader(Tokenizer.from_str(encoder.tokenizer_json()), **about)


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_is_read_as_the_encoder_reads_it(pair, text):
    encoder, reader = pair
    assert reader.token_ids(text) == encoder.token_ids(text)
    assert reader.unknown_share(text) == encoder.unknown_share(text)
    assert reader.count_tokens(text) == encoder.count_tokens(text)


def test_the_vocabulary_is_the_encoders(pair):
    encoder, reader = pair
    assert reader.vocabulary() == dict(encoder.vocabulary())


@pytest.mark.parametrize("text", ["lung " * 600, ""])
def test_what_the_encoder_refuses_is_refused(pair, text):
    said = []
    for one in pair:
        if text or one.count_tokens(text) == 0:
            with pytest.raises(TextError) as caught:
                one.check(text)
            said.append(str(caught.value))
        else:
            one.check(text)
            said.append("")
    assert said[0] == said[1]


def test_the_packaged_one_is_read_without_its_network():
    encoder, reader = create_text_encoder({"kind": "minilm"}, pretrained=False), minilm_reader()
    for name in ("name", "width", "max_length", "pad_id", "unknown_id"):
        assert getattr(reader, name) == getattr(encoder, name)
    assert reader.vocabulary() == dict(encoder.vocabulary())
