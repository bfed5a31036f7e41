"""Slips of the hand: what a word that was typed may have been meant to be, and how likely."""

# letters beside and above or below each other on the usual English keyboard
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéèêçñáíóú"
_SOUNDS = ("bp", "dt", "gk", "ck", "cs", "sz", "fv", "iy")  # letters that are heard alike
_LONG = 6  # letters from which on the first one may be wrong too
_SHORT = 4  # letters up to which no letter stands for one of a far key


def beside(letter: str) -> str:
    """The letters of the keys around a letter's; none for one that no key of the usual keyboard has."""
    for i, keys in enumerate(_ROWS):
        column = keys.find(letter)
        if column >= 0:
            near = [keys[c] for c in (column - 1, column + 1) if 0 <= c < len(keys)]
            near += [_ROWS[r][column] for r in (i - 1, i + 1) if 0 <= r < len(_ROWS) and column < len(_ROWS[r])]
            return "".join(near)
    return ""


def heard_as(letter: str) -> str:
    """The letters that sound much as one does: "bumb", "cist" and "lezion" are written as they are heard."""
    return "".join(pair.replace(letter, "") for pair in _SOUNDS if letter in pair)


def slips(word: str) -> dict[str, int]:
    """All that a word in lower case may have been meant to be, and which kind of slip it was, the likeliest first.

    0: two neighbours were exchanged or a letter doubled; 1: a letter is missing; 2: the next key was hit, a letter that
    sounds alike was written, or one letter is too many; 3: a letter stands for any other, in words of five letters or
    more. The first letter is right, but in long words.
    """
    found: dict[str, int] = {}
    first = 0 if len(word) >= _LONG else 1
    for i in range(first, len(word)):
        before, letter, after = word[:i], word[i], word[i + 1 :]
        _add(found, 0 if i and letter == word[i - 1] else 2, before + after)
        if after:
            _add(found, 0, before + after[0] + letter + after[1:])
        near = beside(letter) + heard_as(letter)
        for other in _LETTERS if len(word) > _SHORT else near:
            _add(found, 2 if other in near else 3, before + other + after)
    for i in range(first, len(word) + 1):
        for other in _LETTERS:
            _add(found, 1, word[:i] + other + word[i:])
    found.pop(word, None)
    return found


def _add(found: dict[str, int], kind: int, word: str) -> None:
    found[word] = min(kind, found.get(word, kind))
