"""The findings of a report, each short enough to be asked. Imports neither numpy nor torch."""

from lexseg.encoders.text.reader import Reader
from lexseg.errors import TextError
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import lexicon
from lexseg.language.report_reading import Finding, read_report


def report_findings(text: str, reader: Reader | None, language: str | None = None) -> list[Finding]:
    """The findings of a report, each of them short enough to be asked.

    Args:
        text: the report.
        reader: of the model's words; ``None`` for an image-only model.
        language: of the report, as ISO 639-1 code; ``None`` is English.

    Raises:
        TextError: if there are none, or one is too long: it is named by its number, not by its words; or if the report
            holds what is no text; or if there is no lexicon of its language.
    """
    if not isinstance(text, str):
        raise TextError(f"a report is text, and this is {type(text).__name__}; read its file first")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TextError("the report holds bytes that are no text; write it in UTF-8") from None
    found = read_report(text, lexicon(language or "en"))
    if not found:
        raise TextError(
            "the report holds no sentence about the image (sections like HISTORY and TECHNIQUE are not read)"
        )
    for number, finding in enumerate(found, start=1):
        if reader is None or finding.negated:
            continue
        words = to_model_words(finding.text, language).text
        if (length := reader.count_tokens(words)) > reader.max_length:
            raise TextError(
                f"finding {number} of the report (characters {finding.start} to {finding.end}) has {length} tokens, "
                f"but the text encoder reads at most {reader.max_length}; divide it into sentences"
            )
    return found
