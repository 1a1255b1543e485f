"""What the model learns from: documents of all kinds, the tokenizer trained on them, rows of ids with weights.

A document is a list of (text, weight): an answer counts fully, what could not be known (who went where) a little.
"""

import itertools
import json
import random
import re

import corpus
import lexicon as lex
import longtasks
import natural
import phrases_train
import tasks

SPECIAL = BEGIN, END, USER, ASSISTANT, SYSTEM = "<|begin|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"
BEGIN_ID, END_ID = 0, 1
TOLD_WEIGHT = 0.15
TEMPLATE = ("{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
            "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
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


def chat(turns):
    parts = [(BEGIN, 0.0)]
    for user, answer in turns:
        parts += [(USER + user + ASSISTANT, TOLD_WEIGHT), (answer + END, 1.0)]
    return parts


def story_of(rng):
    while True:
        text = corpus.story(f"demo/{rng.random()}", 0)
        hero = next((w for w in re.findall(r"[A-Z][a-z]+", text) if w in lex.NAMES), None)
        if hero:
            return hero, text


def document(rng, length, pages):
    """One document of at most about `length` tokens."""
    kind = rng.random()
    if kind < 0.12:
        page = rng.choice(pages)
        first = rng.randrange(len(page))
        return [(BEGIN, 0.0), ("\n".join(page[first:first + 1 + length // 60]) + END, 1.0)]
    if kind < 0.22:
        hero, text = story_of(rng)
        if rng.random() < 0.5:
            return [(BEGIN, 0.0), (text + END, 1.0)]
        return chat([(tasks.question(rng, phrases_train, "story", p=hero), text)])
    if kind < 0.25:
        talk = rng.sample(TALK, rng.randrange(1, 4))
        return chat([(rng.choice(asked), rng.choice(said)) for asked, said in talk])
    opening = rng.choice(phrases_train.OPEN)
    if kind < 0.6 or length < 256:
        task = rng.choice(tasks.SHORT)
        turns = tasks.make(task, rng, phrases_train, questions=4).turns(opening)
    else:
        task = rng.choice(longtasks.LONG)
        upper = [n for n in longtasks.lengths_of(task) if n <= max(length, 512)]
        item = longtasks.make(task, rng, phrases_train, rng.choice(upper), questions=6)
        turns = item.turns(opening)
    if rng.random() < 0.1:
        asked, said = rng.choice(TALK)
        turns.append((rng.choice(asked), rng.choice(said)))
    return chat(turns)


def texts(seed, count, pages):
    for i in range(count):
        yield "".join(t for t, _ in document(random.Random(f"{seed}/tokenizer/{i}"), 256, pages))


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


class Rows:
    """Rows of one length, filled with documents one after another; `next` is all the state there is."""

    def __init__(self, tokenizer, seed, pages, first=0):
        self.tokenizer, self.seed, self.pages, self.next = tokenizer, seed, pages, first

    def _document(self, length, room):
        """The next document that fits into the room, or the tenth, which is then cut or left out."""
        for attempt in range(10):
            rng = random.Random(f"{self.seed}/{self.next}")
            self.next += 1
            ids, weights = [], []
            for text, weight in document(rng, length, self.pages):
                part = self.tokenizer.encode(text, add_special_tokens=False).ids
                ids += part
                weights += [weight] * len(part)
            if len(ids) <= room:
                break
        return ids, weights

    def take(self, rows, length):
        """ids [rows][length + 1] and the weight of predicting each but the first."""
        out_ids, out_weights = [], []
        while len(out_ids) < rows:
            ids, weights = [], []
            while len(ids) <= length:
                room = length + 1 - len(ids)
                more_ids, more_weights = self._document(length, room)
                if len(more_ids) > room and ids:
                    more_ids, more_weights = [END_ID] * room, [0.0] * room
                ids, weights = ids + more_ids, weights + more_weights
            out_ids.append(ids[:length + 1])
            out_weights.append(weights[1:length + 1])
        return out_ids, out_weights
