"""Stories, the tokenizer trained on them, and the token rows that the model learns from."""

import json
import random

from plots import PLOTS
from tale import Tale, make_rng

BOS, EOS = "<|begin|>", "<|end|>"
BOS_ID, EOS_ID = 0, 1


def story(seed, index):
    """Story number `index` of the world `seed`: the same text on every machine."""
    rng = make_rng(seed, index)
    tale = Tale(rng)
    rng.choice(PLOTS)(tale)
    return tale.text()


def train_tokenizer(vocab_size, seed, stories):
    """Byte-level BPE (GPT-2's word pattern); every encoded text starts with BOS, as Llama 3's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=[BOS, EOS], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator((story(seed, i) for i in range(stories)), trainer)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{BOS} $A", pair=f"{BOS} $A {BOS}:1 $B:1",
                                      special_tokens=[(BOS, BOS_ID)]),
    ])
    return tokenizer


def save_tokenizer(tokenizer, folder, context):
    tokenizer.save(f"{folder}/tokenizer.json")
    config = {
        "add_bos_token": True, "bos_token": BOS, "eos_token": EOS, "pad_token": EOS,
        "clean_up_tokenization_spaces": False, "model_max_length": context,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    with open(f"{folder}/tokenizer_config.json", "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


class Rows:
    """An endless stream of stories as rows of ids. A row starts with a story's BOS; what is too long is cut."""

    def __init__(self, tokenizer, seed):
        self.tokenizer, self.seed, self.next = tokenizer, seed, 0
        self.rng = random.Random(f"{seed}/cuts")

    def _ids(self):
        text = story(self.seed, self.next)
        self.next += 1
        ids = [BOS_ID]
        if self.rng.random() < 0.15:
            # What is typed often ends inside a word or with a space, where BPE would never cut: show that too.
            cut = self.rng.randrange(1, len(text))
            if self.rng.random() < 0.5:
                cut = text.rfind(" ", 0, cut) + 1
            ids += self.tokenizer.encode(text[:cut], add_special_tokens=False).ids
            text = text[cut:]
        return ids + self.tokenizer.encode(text, add_special_tokens=False).ids + [EOS_ID]

    def single(self, rows, length):
        """One story a row, padded with -1: only its own words are there to look back at, so copying is learned soon."""
        stories = [self._ids()[:length] for _ in range(rows)]
        return [ids + [-1] * (length - len(ids)) for ids in stories]

    def packed(self, rows, length):
        """Rows filled with one story after another, so that all positions are seen and BOS means a new start."""
        out = []
        for _ in range(rows):
            row = []
            while len(row) < length:
                row += self._ids()
            out.append(row[:length])
        return out


if __name__ == "__main__":
    import sys
    for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        print(story(int(sys.argv[2]) if len(sys.argv) > 2 else 0, i) + "\n")
