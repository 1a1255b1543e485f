"""The model as a Hugging Face directory, with its card."""

import json
import pathlib
import shutil

from safetensors.torch import save_file

import data
import make_tasks
import natural
import prompts

CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
# The demo model

A small Llama of {size:.1f} M parameters that knows a small world of people, places and things: it answers questions
about what it was told, sorts and adds, looks things up in up to {context} tokens and tells short stories.

- **Made by** `scripts/demo_model/train.py` from nothing; `--resume` goes on from this directory.
- **Shape**: {layers} layers, hidden {hidden}, {heads} query and {kv} key/value heads of {head_dim}, SwiGLU {ffn},
  RMSNorm, rope, tied embeddings, context {context}, byte-level BPE of {vocab} tokens, bfloat16.
- **Licence**: Apache-2.0, like the rest of this repository.

## Data

Stories, conversations and tasks are written by the generator in the same folder. Plain English comes from these Debian
packages, chosen by licence; paragraphs only, and of no text of theirs anything is in this directory but `eval/text.txt`
(see `eval/text.NOTICE`):

| package | version | licence | paragraphs | MB |
|---|---|---|---|---|
{data}

## Training

| part | steps | M tokens | hours | of them on a core | device | threads | longest documents | loss at the end | of answers |
|---|---|---|---|---|---|---|---|---|---|
{training}

The loss is weighted: answers fully, stories, prose and what was told less. `training.json` has the curve.

## Measured quality

{quality}
`eval/` has what this was measured on: sentences and questions of which training had none. It is made by `make_tasks.py`.

{samples}## Limits

English only, and of its world only. It knows no facts; what it says of the real world comes from a few manuals and is
not to be relied on. It has no notion of safety beyond the harmlessness of its data.
"""


def quality_text(quality):
    if not quality:
        return "Not measured yet.\n"
    held = quality["prompts"]
    lines = [f"By transformers, bfloat16, greedy. Perplexity of held-out natural text: {quality['perplexity']:.1f} (a "
             f"unigram model's: {quality['unigram_perplexity']:.0f}), {quality['tokens']} tokens. Of the {len(held)} fixed "
             f"prompts {sum(held.values())} hold.",
             "", "Exact match in per cent, beside the baselines that need no model (of a larger draw):", "",
             "| task | items | model | by length | majority | last mention | bag of words |",
             "|---|---|---|---|---|---|---|"]
    for task, row in quality["tasks"].items():
        lengths = ", ".join(f"{k}: {100 * v:.0f}" for k, v in row["by_length"].items() if k != "0")
        base = quality["baselines"][task]
        lines.append(f"| {task} | {row['n']} | {100 * row['exact_match']:.0f} | {lengths} | "
                     + " | ".join(f"{100 * base[k]:.0f}" for k in ("majority", "last_mention", "bag_of_words")) + " |")
    return "\n".join(lines) + "\n"


def samples_text(quality):
    if not quality or not quality.get("samples"):
        return ""
    talks = ["\n>\n".join(f"> *{m['role']}:* {m['content']}" for m in talk) for talk in quality["samples"]]
    return "## As it talks\n\nGreedy, as it came:\n\n" + "\n\n---\n\n".join(talks) + "\n\n"


def evaluation_files(folder, work):
    """DIR/eval: what is there already stays, because an older measurement was made on it."""
    there = folder / "eval"
    there.mkdir(parents=True, exist_ok=True)
    if not (there / "text.txt").exists():
        shutil.copy(pathlib.Path(__file__).with_name("text.NOTICE"), there)
        (there / "text.txt").write_text(natural.excerpt(work))
    if not (there / "prompts.jsonl").exists():
        make_tasks.write(there, make_tasks.DEFAULT_SEED, 40, 8, 512)
        (there / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts.rows()))


def export(model, config, tokenizer, folder, log, manifest, quality=None):
    folder.mkdir(parents=True, exist_ok=True)
    c = config
    settings = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "attention_dropout": 0.0,
        "bos_token_id": data.BEGIN_ID, "eos_token_id": data.END_ID, "dtype": "bfloat16", "hidden_act": "silu",
        "initializer_range": 0.02, "mlp_bias": False, "pretraining_tp": 1, "tie_word_embeddings": True,
        "use_cache": True,
        "rope_parameters": {"rope_theta": c["rope_theta"], "rope_type": "default"},
        **{k: v for k, v in c.items() if k != "rope_theta"},
    }
    generation = {"bos_token_id": data.BEGIN_ID, "eos_token_id": data.END_ID, "pad_token_id": data.END_ID,
                  "do_sample": True, "temperature": 0.7, "top_p": 0.95}
    weights = folder / "model.safetensors"
    tensors = {k: v.cpu() for k, v in model.hugging_face_tensors().items()}
    save_file(tensors, f"{weights}.new", metadata={"format": "pt"})
    weights.with_name(weights.name + ".new").chmod(0o644)
    weights.with_name(weights.name + ".new").replace(weights)  # never a torn file to resume from
    for name, value in (("config.json", settings), ("generation_config.json", generation), ("training.json", log),
                        ("manifest.json", manifest)) + ((("quality.json", quality),) if quality else ()):
        (folder / name).write_text(json.dumps(value, indent=1) + "\n")
    data.save_tokenizer(tokenizer, folder, c["max_position_embeddings"])
    training = "\n".join(
        f"| {i + 1} | {p['steps']} | {p['tokens'] / 1e6:.1f} | {p['seconds'] / 3600:.2f} | "
        f"{p.get('cpu_seconds', 0) / 3600:.2f} | {p['device']} | "
        f"{p['threads']} | {p.get('context', '')} | {p['curve'][-1][4]} | {p['curve'][-1][5]} |" if p['curve'] else ""
        for i, p in enumerate(log))
    rows = "\n".join(f"| {m['package']} | {m['version']} | {m['licence']} | {m['paragraphs']} | "
                     f"{m['bytes'] / 1e6:.2f} |" for m in manifest)
    (folder / "README.md").write_text(CARD.format(
        size=sum(p.numel() for p in model.parameters()) / 1e6, context=c["max_position_embeddings"],
        layers=c["num_hidden_layers"], hidden=c["hidden_size"], heads=c["num_attention_heads"],
        kv=c["num_key_value_heads"], head_dim=c["head_dim"], ffn=c["intermediate_size"], vocab=c["vocab_size"],
        data=rows, training=training, quality=quality_text(quality), samples=samples_text(quality)))
