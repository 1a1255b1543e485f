"""What the model learns from: documents of all kinds, the tokenizer trained on them, rows of ids with weights.

A document is a list of (text, weight): an answer counts fully, what could not be known (who went where) a little. Behind
an answer's weight may stand the way to it, behind a text's what its reader knows by then (notes.py).
"""

import bisect
import functools
import itertools
import json
import random
import re
from typing import NamedTuple

import corpus
import lessons
import lexicon as lex
import natural
import notes
import phrases_more as phrases
import simple
import tasks

SPECIAL = BEGIN, END, USER, ASSISTANT, SYSTEM = "<|begin|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"
BEGIN_ID, END_ID = 0, 1
LONGEST = 4096  # tokens: what the model can read
TOLD_WEIGHT, STORY_WEIGHT, PROSE_WEIGHT, NOTE = 0.1, 0.4, 0.3, 0.3
# An answer begins with a space, as its words do where they were told: they are the same tokens.
TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
            "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] | trim + eos_token }}"
            "{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
# GPT-4's words, but every digit alone, so that sums have columns.
WORD = r"'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

TALK = (
    (("Hello!", "Hi.", "Good morning!", "Hello there.", "Hey!", "Good evening."),
     ("Hello! What would you like to talk about?", "Hello! Tell me something, and ask me about it.")),
    (("Who are you?", "What are you?", "Are you a person?", "What is your name?", "Tell me about yourself."),
     ("I am a very small language model. I know a small world of people, places and things.",)),
    (("What can you do?", "How can you help me?", "What are you good at?", "What should I ask you?"),
     ("I can tell stories, answer questions about what you tell me, sort words and add small numbers.",)),
    (("Thank you.", "Thanks!", "That was nice.", "Well done.", "Good answer."), ("You are welcome!", "I am glad.")),
    (("Bye.", "Goodbye!", "See you.", "Good night.", "I must go now."), ("Goodbye!", "Goodbye! It was nice to talk.")),
)


def talk(rng):
    asked, said = rng.choice(TALK)
    return rng.choice(asked), rng.choice(said)


def chat(turns, weight=1.0):
    parts = [(BEGIN, 0.0)]
    for user, answer, *way in turns:
        asked = notes.joined(USER, user, ASSISTANT, between="")
        parts += [(asked, TOLD_WEIGHT, *asked.notes), (" " + answer + END, weight, *way)]
    return parts


def story_of(rng):
    while True:
        text = corpus.story(f"demo/{rng.random()}", 0)
        hero = next((w for w in re.findall(r"[A-Z][a-z]+", text) if w in lex.NAMES), None)
        if hero:
            return hero, text


def drill(rng, pages):
    """Phrases of random words, told again in other orders: nothing teaches sooner to look up what came after a word."""
    words = [w for _ in range(2) for w in rng.choice(rng.choice(pages)).split()]
    words += rng.sample(lex.NAMES + lex.THINGS + lex.PLACES + lex.FOODS, 30) + rng.sample(lex.NUMBERS, 5)
    words = rng.sample(sorted(set(words)), 24)
    phrases = []
    while words:
        size = rng.randrange(2, 5)
        phrases.append(words[:size])
        words = words[size:]
    parts = [(BEGIN, 0.0), (" ".join([""] + [w for p in phrases for w in p]), 0.0)]
    for _ in range(rng.randrange(2, 4)):
        rng.shuffle(phrases)
        for phrase in phrases:
            parts += [(" " + phrase[0], 0.0)] + [(" " + w, 1.0) for w in phrase[1:]]
    return parts


# kind -> share of the tokens, a table for each part of the curriculum; "long" takes from the others as it grows
SHARES = {
    "copy": {"prose": 0.06, "story": 0.22, "talk": 0.04, "scene": 0.26, "many": 0.02, "order": 0.03, "taste": 0.09,
             "define": 0.06, "sum": 0.03, "rank": 0.02, "copy": 0.05, "reverse": 0.02, "sort": 0.02, "drill": 0.12},
    "bind": {"prose": 0.05, "story": 0.08, "talk": 0.01, "scene": 0.33, "many": 0.05, "order": 0.07, "taste": 0.18,
             "define": 0.08, "sum": 0.05, "rank": 0.02, "copy": 0.01, "reverse": 0.01, "sort": 0.04, "drill": 0.02},
    "steps": {"prose": 0.05, "story": 0.08, "talk": 0.01, "scene": 0.42, "many": 0.05, "order": 0.08, "taste": 0.08,
              "define": 0.08, "sum": 0.05, "rank": 0.02, "copy": 0.01, "reverse": 0.02, "sort": 0.04, "drill": 0.01},
    "scenes": {"prose": 0.03, "story": 0.04, "talk": 0.01, "scene": 0.60, "many": 0.06, "order": 0.05, "taste": 0.05,
               "define": 0.08, "sum": 0.03, "rank": 0.01, "copy": 0.01, "reverse": 0.01, "sort": 0.02, "drill": 0.0},
    "own": {"prose": 0.05, "story": 0.08, "talk": 0.01, "scene": 0.34, "many": 0.09, "order": 0.10, "taste": 0.08,
            "define": 0.09, "sum": 0.06, "rank": 0.03, "copy": 0.01, "reverse": 0.01, "sort": 0.04, "drill": 0.01},
    "all": {"prose": 0.09, "story": 0.15, "talk": 0.03, "scene": 0.24, "many": 0.06, "order": 0.06, "taste": 0.07,
            "define": 0.05, "sum": 0.06, "rank": 0.04, "copy": 0.03, "reverse": 0.04, "sort": 0.05, "drill": 0.02},
}


def document(kind, rng, length, pages, easy):
    """One document of a kind, of at most about `length` tokens; a lesson is a simple one in `easy` of the cases."""
    if kind == "prose":
        page = rng.choice(pages)
        first = rng.randrange(len(page))
        return [(BEGIN, 0.0), ("\n".join(page[first:first + max(1, length // 150)]) + END, PROSE_WEIGHT)]
    if kind == "story":
        hero, text = story_of(rng)
        if rng.random() < 0.4:
            return [(BEGIN, 0.0), (text + END, STORY_WEIGHT)]
        parts = chat([(tasks.question(rng, phrases, "story", p=hero), text)], STORY_WEIGHT)
        return parts + chat([talk(rng)])[1:] if rng.random() < 0.2 else parts
    if kind == "drill":
        return drill(rng, pages)
    if kind == "talk":
        return chat([talk(rng) for _ in range(rng.randrange(1, 4))])
    opening = rng.choice(phrases.OPEN)
    if rng.random() < easy:
        turns = simple.simple(kind, rng, phrases, length)
    elif kind == "many" and rng.random() < 0.6:  # larger counts; lessons.many is in the calibration text as it is
        turns = tasks.make(kind, rng, phrases).turns(opening)
    elif kind == "long":
        turns = (lessons.long_scene if rng.random() < 0.3 else lessons.long_lesson)(rng, phrases, opening, length)
    else:
        turns = lessons.lesson(kind, rng, phrases, opening)
    if rng.random() < 0.1:
        turns.append(talk(rng))
    if rng.random() < 0.05:
        turns.insert(0, talk(rng))
    return chat(turns)


def texts(seed, count, pages):
    for i in range(count):
        rng = random.Random(f"{seed}/tokenizer/{i}")
        yield "".join(t for t, *_ in document(rng.choices(list(SHARES["all"]), SHARES["all"].values())[0], rng, 256, pages, 0.3))


def train_tokenizer(vocab_size, seed, pages, count=20000):
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORD), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=list(SPECIAL), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    prose = ("\n".join(page) for page in pages)
    tokenizer.train_from_iterator(itertools.chain(texts(seed, count, pages), prose), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN}:1 $B:1", special_tokens=[(BEGIN, BEGIN_ID)])
    return tokenizer


def save_tokenizer(tokenizer, folder, context):
    tokenizer.save(f"{folder}/tokenizer.json")
    settings = {"bos_token": BEGIN, "eos_token": END, "pad_token": END, "clean_up_tokenization_spaces": False,
                "model_max_length": context, "tokenizer_class": "PreTrainedTokenizerFast"}
    for name, text in (("tokenizer_config.json", json.dumps(settings, indent=2)), ("chat_template.jinja", TEMPLATE)):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            f.write(text + ("\n" if name.endswith("json") else ""))


class Row(NamedTuple):
    """Documents one after another."""
    ids: list
    weights: list  # each that of the next token
    sizes: list    # of the documents
    ways: list     # (place, token, layers, weight): so many layers should know this token there
    looks: list    # (the document's begin, place in it, place in it): the first must look at the second for the next step


def token_at(offsets, at):
    return bisect.bisect_right(offsets, at, key=lambda offset: offset[1])


def place_of(way, read):
    """The token in which the word begins, in the last part of the document that has the sentence."""
    for start, text, offsets in reversed(read):
        if (at := text.rfind(way.sentence)) >= 0:
            at += way.sentence.rindex(way.word) if way.word else len(way.sentence) - 1
            return start + token_at(offsets, at)
    raise ValueError(way)


class Documents:
    """An endless stream of documents; the kind that is furthest behind its share of the tokens comes next."""

    def __init__(self, tokenizer, seed, pages):
        self.tokenizer, self.seed, self.pages, self.next = tokenizer, seed, pages, 0
        self.tokens = dict.fromkeys([*SHARES["all"], "long"], 0.0)
        self._token = functools.cache(lambda word: tokenizer.encode(word, add_special_tokens=False).ids[0])

    def _document(self, part):
        shares, of_long = SHARES[part.shares], part.long_share
        share = {"long": of_long, **{k: v / sum(shares.values()) * (1 - of_long) for k, v in shares.items()}}
        for k in self.tokens:
            self.tokens[k] *= 0.999  # the shares move with the curriculum
        kind = min(share, key=lambda k: self.tokens[k] / max(share[k], 1e-9))
        rng = random.Random(f"{self.seed}/{self.next}")
        self.next += 1
        ids, weights, ways, looks, read = [], [], [], [], []
        easy = part.simple + 0.3 * (kind == "long")  # their signal is the thinnest
        for text, weight, *hints in document(kind, rng, rng.choice(part.lengths), self.pages, easy):
            encoded = self.tokenizer.encode(text, add_special_tokens=False)
            tokens = encoded.ids
            for hint in hints:
                if isinstance(hint, notes.Way):
                    at = len(ids) + (token_at(encoded.offsets, hint.skip) if hint.skip >= 0 else -1)
                    ways += [(at - before, self._token(word), layers, 1.0)
                             for word, layers in hint.known for before in (0, 1)]
                    looks.append((at, place_of(hint, read)))
                else:
                    at, word, layers = hint
                    ways.append((len(ids) + token_at(encoded.offsets, at), self._token(word), layers, NOTE))
            read.append((len(ids), text, encoded.offsets))
            ids += tokens
            weights += [weight if weight == 1 else weight * part.rest] * len(tokens)
        self.tokens[kind] += len(ids)
        return ids, weights, ways, looks

    def take(self, tokens, part):
        """A Row of about so many tokens. `part` is a Part of the curriculum (train.py)."""
        row = Row([], [], [], [], [])
        limit = min(max(int(1.15 * max(part.lengths)), 400), LONGEST)
        while len(row.ids) < tokens:
            ids, weights, ways, looks = self._document(part)
            ids, weights = ids[:limit], weights[:limit]
            row.looks.extend((len(row.ids), at, seen) for at, seen in looks if at + 1 < len(ids))
            row.ways.extend((len(row.ids) + at, *rest) for at, *rest in ways if at < len(ids))
            row.ids.extend(ids)
            row.weights.extend(weights[1:] + [0.0])
            row.sizes.append(len(ids))
        return row
