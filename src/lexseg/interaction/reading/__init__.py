"""Sentences of corrections read by rules: the words' parts (`tags`), places, whole sentences, and each kind of clause.

Enter at :func:`lexseg.interaction.parse.parse`.
"""
