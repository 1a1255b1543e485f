"""What training shows besides answers: what a reader knows at a place of a text, and where an answer is to be found.

Left alone, a model of this size takes millions of tokens to find the way to an answer of two steps, or never does
(README.md). Evaluation takes no notice: a Noted is a string. Standard library only.
"""

from typing import NamedTuple

EARLY, STEP, DEEP = 2, 3, 4  # layers: what the sentence alone says, what one look finds, what takes more


class Note(NamedTuple):
    at: int      # index of a character
    word: str    # what is known there
    layers: int  # after so many


class Way(NamedTuple):
    """Stands behind an answer."""
    known: tuple   # (word, layers): what is known where the answer begins
    sentence: str  # that has the answer,
    word: str = ""  # and the word to look at; none: its end
    skip: int = 0  # characters of the answer, with its space, when what is found there must come; -1: at once


def way_of(first, sentence, word=""):
    return Way(((" " + first, STEP),), sentence, word)


class Noted(str):
    notes = ()


def noted(text, *known, at=None):
    """A text whose reader knows the words of `known`, (word, layers) each, at its end or at a character."""
    out = Noted(text)
    out.notes = tuple(Note(len(text) - 1 if at is None else at, *k) for k in known)
    return out


def joined(*texts, between=" "):
    out, notes, size = Noted(between.join(texts)), [], 0
    for text in texts:
        notes += [Note(size + at, *rest) for at, *rest in getattr(text, "notes", ())]
        size += len(text) + len(between)
    out.notes = tuple(notes)
    return out
