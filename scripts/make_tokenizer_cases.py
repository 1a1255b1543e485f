#!/usr/bin/env python3
"""Makes tests/data/tokenizers: small tokenizer.json of every kind and what the `tokenizers` package makes of text.

    python scripts/make_tokenizer_cases.py            writes NAME.json and NAME.cases.json for every kind
    python scripts/make_tokenizer_cases.py --check    recomputes the cases of the stored NAME.json; 1 if they moved

Vocabularies are trained on tests/data/tokenizers/corpus.txt (written for this purpose). The files are then put together
by hand, as the published models have them: the trainer only gives the merges. tests/data/README.md has the layout.
"""
import argparse
import collections
import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from hard_strings import EDGES, HARD, around, random_strings

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "tokenizers"
VOCAB = 640

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"
            r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(regex, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}


def byte_level(use_regex=True, prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": use_regex}


def sequence(kind, *parts):
    return {"type": "Sequence", {"pre": "pretokenizers", "post": "processors"}.get(kind, kind): list(parts)}


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def metaspace(scheme, split_):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split_}


def added(content, special=True, lstrip=False, rstrip=False, single_word=False, normalized=False):
    return {"id": -1, "content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
            "normalized": normalized, "special": special}


def template(before=(), after=()):
    """TemplateProcessing for one text; ids are filled in when the vocabulary is known."""
    def items(names):
        return [{"SpecialToken": {"id": t, "type_id": 0}} for t in names]
    single = items(before) + [{"Sequence": {"id": "A", "type_id": 0}}] + items(after)
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {t: {"id": t, "ids": [t], "tokens": [t]} for t in (*before, *after)}}


FLAGS = [added("<l>", lstrip=True), added("<r>", rstrip=True), added("<lr>", special=False, lstrip=True, rstrip=True),
         added("<w>", single_word=True), added("ship", special=False, single_word=True),
         added("gap in", special=False, normalized=True), added("<l><r>", special=False)]
SENTENCEPIECE = [added("<unk>"), added("<s>"), added("</s>")]
SP_NORMALIZER = sequence("normalizers", {"type": "Prepend", "prepend": "\u2581"}, replace(" ", "\u2581"))
SP_DECODER = sequence("decoders", replace("\u2581", " "), {"type": "ByteFallback"}, {"type": "Fuse"},
                      {"type": "Strip", "content": " ", "start": 1, "stop": 0})
BYTE_DECODER = byte_level()

# kind: "bytes" (all 256 byte letters first), "fallback" (<0x00>.. after the specials), "chars" (the corpus's only).
# first / last: added tokens before and after the vocabulary. extra: words that no merge makes.
KINDS = {
    "gpt2": dict(kind="bytes", pre=byte_level(), post=byte_level(), decoder=BYTE_DECODER, strings=True,
                 last=[added("<|endoftext|>", normalized=True)]),
    "gpt2_flags": dict(kind="bytes", normalizer={"type": "NFC"}, pre=byte_level(prefix=True), decoder=BYTE_DECODER,
                       first=FLAGS + [added("caf\u00e9", special=False, normalized=True),
                                      added("nai\u0308ve", special=False, normalized=True),
                                      added("No\u00ebl", special=False)]),
    "llama3": dict(kind="bytes", pre=sequence("pre", split(LLAMA3), byte_level(False)), decoder=BYTE_DECODER,
                   post=sequence("post", byte_level(), template(["<|begin_of_text|>"])), ignore_merges=True,
                   extra=["\u0120unreachable", "Hello", "12345", "\u0120\u0120\u0120again", "thegap"],
                   last=[added("<|begin_of_text|>"), added("<|eot_id|>"), added("<|start_header_id|>")]),
    "qwen2": dict(kind="bytes", normalizer={"type": "NFC"}, pre=sequence("pre", split(QWEN2), byte_level(False)),
                  post=byte_level(False), decoder=BYTE_DECODER,
                  last=[added("<|endoftext|>"), added("<|im_start|>"), added("<|im_end|>"),
                        added("<tool_call>", special=False), added("<think>", special=False)]),
    "o200k": dict(kind="bytes", pre=sequence("pre", split(O200K), byte_level(False)), decoder=BYTE_DECODER,
                  post=template(["<s>"], ["</s>"]), first=SENTENCEPIECE),
    "deepseek": dict(kind="bytes", normalizer=sequence("normalizers"),
                     pre=sequence("pre", split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7a3]+"),
                                  split(DEEPSEEK), byte_level(False)),
                     decoder=BYTE_DECODER, post=template(["<\uff5cbegin\u2581of\u2581sentence\uff5c>"]),
                     last=[added("<\uff5cbegin\u2581of\u2581sentence\uff5c>"),
                           added("<\uff5cUser\uff5c>", special=False)]),
    "starcoder": dict(kind="bytes", pre=sequence("pre", {"type": "Digits", "individual_digits": True}, byte_level()),
                      decoder=BYTE_DECODER, strings=True, first=[added("<|endoftext|>"), added("<fim_prefix>")]),
    "llama2": dict(kind="fallback", normalizer=SP_NORMALIZER, decoder=SP_DECODER, post=template(["<s>"]), strings=True,
                   first=SENTENCEPIECE),
    "phi3_flags": dict(kind="fallback", normalizer=SP_NORMALIZER, decoder=SP_DECODER,
                       first=SENTENCEPIECE[:2] + [added("</s>", special=False, rstrip=True)],
                       last=FLAGS + [added("<|user|>", rstrip=True), added("<n>", normalized=True)]),
    # Without <0xF0>, emoji (four bytes) fall to <unk>, fused, while CJK (three) comes out as bytes.
    "mistral": dict(kind="fallback", missing_byte=0xF0, pre=metaspace("first", False), decoder=SP_DECODER,
                    post=template(["<s>"]), first=SENTENCEPIECE + [added("[INST]"), added("[/INST]")]),
    "metaspace": dict(kind="chars", pre=metaspace("always", True), post=template([], ["</s>"]), first=SENTENCEPIECE,
                      decoder=metaspace("always", True)),
    "punctuation": dict(kind="chars", normalizer=sequence("normalizers", {"type": "NFKC"}, {"type": "Lowercase"},
                                                          {"type": "Strip", "strip_left": True, "strip_right": True}),
                        pre=sequence("pre", metaspace("never", True), {"type": "Punctuation", "behavior": "Isolated"},
                                     {"type": "Digits", "individual_digits": False}), first=SENTENCEPIECE,
                        decoder=sequence("decoders", replace("\u2581", " "), {"type": "Fuse"})),
}


def trained_merges(spec):
    """Merges of a BPE trained on the corpus, with words split as the tokenizer itself would."""
    model = Tokenizer(models.BPE())
    if spec["kind"] == "bytes":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        model.normalizer = normalizers.NFC()
        if spec["pre"]["type"] == "ByteLevel":
            model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        else:
            parts = [pre_tokenizers.Split(Regex(p["pattern"]["Regex"]), "isolated") if p["type"] == "Split" else
                     pre_tokenizers.Digits(True) if p["type"] == "Digits" else
                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=p["use_regex"])
                     for p in spec["pre"]["pretokenizers"]]
            model.pre_tokenizer = pre_tokenizers.Sequence(parts)
    else:
        alphabet = []
        model.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, initial_alphabet=alphabet, show_progress=False,
                                  limit_alphabet=180 if spec["kind"] == "fallback" else 1000)
    lines = (ROOT / "corpus.txt").read_text(encoding="utf-8").splitlines(keepends=spec["kind"] == "bytes")
    model.train_from_iterator(lines, trainer)
    made = json.loads(model.to_str())["model"]
    return sorted(made["vocab"], key=made["vocab"].get), [tuple(m) for m in made["merges"]]


def across_boundaries(spec, count=300):
    """Pairs of letters that meet where the pre-tokenizer cuts. As first merges they fire wherever a cut is forgotten,
    so that a wrong pattern shows in the ids. (Kinds that never cut get the pairs around spaces: a wrong cut shows.)"""
    if spec.get("pre") and spec["pre"].get("split", True):
        empty = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                 "normalizer": spec.get("normalizer"), "pre_tokenizer": spec["pre"], "post_processor": None,
                 "decoder": None, "model": {"type": "BPE", "vocab": {}, "merges": []}}
        made = Tokenizer.from_str(json.dumps(empty))
        cut, normalize = made.pre_tokenizer, made.normalizer
    else:
        cut, normalize = pre_tokenizers.Metaspace(), None
    pairs = collections.Counter()
    for text in [(ROOT / "corpus.txt").read_text(encoding="utf-8")] + HARD:
        words = [w for w, _ in cut.pre_tokenize_str(normalize.normalize_str(text) if normalize else text)]
        pairs.update((a[-1], b[0]) for a, b in zip(words, words[1:]) for _ in range(1000 if text in EDGES else 1))
    return [pair for pair, _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:count]]


def build(spec):
    pieces, merges = trained_merges(spec)
    across = [pair for pair in across_boundaries(spec) if set(pair) <= set(pieces)]
    pieces += [a + b for a, b in across]
    merges = list(dict.fromkeys(across + merges))
    vocab = [a["content"] for a in spec.get("first", [])]
    if spec["kind"] == "fallback":
        vocab += [f"<0x{b:02X}>" for b in range(256) if b != spec.get("missing_byte")]
    vocab = list(dict.fromkeys(vocab + pieces + spec.get("extra", [])))
    ids = {piece: i for i, piece in enumerate(vocab)}
    tokens = []
    for token in spec.get("first", []) + spec.get("last", []):
        tokens.append(token | {"id": ids.setdefault(token["content"], len(ids))})
    # As published: tokens before the vocabulary are also in it, those after it are not.
    known = {piece: i for piece, i in ids.items() if i < len(vocab)}
    unk = "<unk>" if spec["kind"] != "bytes" else None

    def fill(node):
        if isinstance(node, dict):
            return {k: [ids[x] for x in v] if k == "ids" else fill(v) for k, v in node.items()}
        return [fill(x) for x in node] if isinstance(node, list) else node

    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": sorted(tokens, key=lambda t: t["id"]), "normalizer": spec.get("normalizer"),
            "pre_tokenizer": spec.get("pre"), "post_processor": fill(spec.get("post")), "decoder": spec["decoder"],
            "model": {"type": "BPE", "dropout": None, "unk_token": unk, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": unk is not None,
                      "byte_fallback": spec["kind"] == "fallback", "ignore_merges": spec.get("ignore_merges", False),
                      "vocab": known, "merges": [" ".join(m) if spec.get("strings") else list(m) for m in merges]}}


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cases_of(text, name):
    """Encode and decode cases of a tokenizer.json. What equals its default (README) is left out."""
    made = Tokenizer.from_str(text)
    contents = [t["content"] for t in json.loads(text)["added_tokens"]]
    mine = contents[-8:] if name.endswith("flags") else contents[-2:]
    strings = HARD + [s for t in mine for s in around(t)] + random_strings(name, 40, contents)
    encode = []
    for string in dict.fromkeys(strings):
        ids, plain = made.encode(string).ids, made.encode(string, add_special_tokens=False).ids
        case = {"text": string, "ids": ids}
        if plain != ids:
            case["ids_plain"] = plain
        decoded, everything = made.decode(ids), made.decode(ids, skip_special_tokens=False)
        if decoded != string:
            case["decoded"] = decoded
        if everything != decoded:
            case["decoded_all"] = everything
        encode.append(case)
    # Ids that no text gives: cut characters, stray bytes, specials anywhere.
    draw, decode = random.Random(name), []
    known = sorted(made.get_vocab().values())
    special_or_low = known[:300] + [made.token_to_id(c) for c in contents] * 8
    for _ in range(40):
        ids = [draw.choice(draw.choice((known, special_or_low))) for _ in range(draw.randint(1, 14))]
        case = {"ids": ids, "decoded": made.decode(ids)}
        everything = made.decode(ids, skip_special_tokens=False)
        decode.append(case | ({"decoded_all": everything} if everything != case["decoded"] else {}))
    return ('{"tokenizers":"' + tokenizers.__version__ + '",\n"encode":[\n' + ",\n".join(map(dump, encode))
            + '\n],\n"decode":[\n' + ",\n".join(map(dump, decode)) + "\n]}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is stored, write nothing")
    args = parser.parse_args()
    bad = 0
    for name, spec in KINDS.items():
        file, cases_file = ROOT / f"{name}.json", ROOT / f"{name}.cases.json"
        if args.check:
            moved = cases_of(file.read_text(encoding="utf-8"), name) != cases_file.read_text(encoding="utf-8")
            bad += moved
            print(f"{name}: {'cases moved' if moved else 'ok'}")
            continue
        text = "{\n" + ",\n".join(f"{dump(k)}:{dump(v)}" for k, v in build(spec).items()) + "\n}\n"
        file.write_text(text, encoding="utf-8")
        cases_file.write_text(cases_of(text, name), encoding="utf-8")
        print(f"{name}: {len(json.loads(text)['model']['vocab'])} pieces, {file.stat().st_size} bytes, "
              f"cases {cases_file.stat().st_size} bytes")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
