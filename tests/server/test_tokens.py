"""Named tokens, their table, and the files that hold secrets."""

import hashlib

import pytest

from lexseg.errors import ConfigError
from lexseg.server.secret_files import check_private, read_token, read_tokens
from lexseg.server.settings import Settings
from lexseg.server.tokens import NamedToken, Tokens, unnamed

pytest.importorskip("uvicorn")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


ANNA, BERT = NamedToken("anna", "writer", sha256("anna-s-own-secret")), NamedToken("bert", "reader", sha256("b:secret"))


@pytest.fixture
def table(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "tokens"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        ("Bearer anna-s-own-secret", "anna"),
        ("bearer anna:anna-s-own-secret", "anna"),
        ("Bearer b:secret", "bert"),  # a token may have a colon in it
        ("Bearer bert:b:secret", "bert"),
        ("Bearer bert:anna-s-own-secret", None),  # another's token under one's own name
        ("Bearer anna:", None),
        ("Bearer ", None),
        ("Basic anna-s-own-secret", None),
        ("anna-s-own-secret", None),
        ("", None),
        ("Bearer \udcff", None),
        (f"Bearer {ANNA.sha256}", None),  # the table's own line lets nobody in
    ],
)
def test_who_a_header_is_of(authorization, name):
    caller = Tokens([ANNA, BERT]).caller(authorization)
    assert (caller and caller.name) == name


def test_without_tokens_anybody_may_do_all():
    caller = Tokens([]).caller("")
    assert caller is not None and caller.name is None and caller.may("POST")


def test_a_reader_looks_and_a_writer_does():
    reader, writer = (
        Tokens([ANNA, BERT]).caller("Bearer b:secret"),
        Tokens([ANNA, BERT]).caller("Bearer anna-s-own-secret"),
    )
    assert [reader.may(method) for method in ("GET", "HEAD", "POST", "DELETE", "PUT")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert all(writer.may(method) for method in ("GET", "HEAD", "POST", "DELETE"))


def test_a_table_is_read(table):
    path = table(f"# who\n\nanna writer {sha256('one').upper()}   # of the ward\nbert.b@c reader {sha256('two')}\n")
    assert read_tokens(path) == (
        NamedToken("anna", "writer", sha256("one")),
        NamedToken("bert.b@c", "reader", sha256("two")),
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("anna writer", "three words"),
        ("anna admin " + "0" * 64, "reader, writer"),
        ("an:na reader " + "0" * 64, "a name is made of"),
        ("anna reader the-token-itself", "not the token itself"),
        ("anna reader " + sha256(""), "SHA-256 of nothing"),
        ("anna reader " + "1" * 64, "twice"),
        ("karl reader " + "0" * 64, "twice"),
    ],
)
def test_lines_that_cannot_be_meant_are_named_by_number_and_not_quoted(table, line, why):
    path = table(f"anna writer {'0' * 64}\n{line}\n")
    with pytest.raises(ConfigError, match=why) as told:
        read_tokens(path)
    assert "line 2" in str(told.value) and "the-token-itself" not in str(told.value)


def test_a_table_without_a_token(table):
    with pytest.raises(ConfigError, match="no token"):
        read_tokens(table("# nobody\n"))


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o666, 0o644])
def test_secrets_that_others_can_read_or_change_are_refused(table, mode):
    path = table("a-token-of-some-length", mode)
    for read in (read_token, read_tokens, lambda file: check_private(file, "the key")):
        with pytest.raises(ConfigError, match="chmod 600"):
            read(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_a_group_may_read_them_as_where_a_service_is_given_its_secrets(table, mode):
    assert read_token(table("a-token-of-some-length\n", mode)) == "a-token-of-some-length"


def test_named_tokens_are_enough_for_addresses_that_others_reach():
    assert Settings(host="0.0.0.0", tokens=(ANNA,)).known_tokens == (ANNA,)
    assert Settings(token="a-token-of-some-length", tokens=(ANNA,)).known_tokens == (
        unnamed("a-token-of-some-length"),
        ANNA,
    )
    with pytest.raises(ConfigError, match="--tokens"):
        Settings(host="0.0.0.0")
    assert "secret" not in repr(Settings(token="a-secret-of-some-length", tokens=(ANNA,)))
