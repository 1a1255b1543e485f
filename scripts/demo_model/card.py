"""The model card (README.md) of models/demo, with the figures and samples of the run that made it."""

TEXT = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
# The demo model: a placeholder

A tiny Llama ({parameters:.2f} M parameters) that tells short stories about a small world of children, talking animals
and lost things. **It is a placeholder**: it shows that everything from tokenizer to sampling works, and nothing more.
It knows a few dozen plots and about a thousand words, answers no questions and knows no facts.

- **Made by** `scripts/demo_model/make_demo.py`: generator, tokenizer, training and this page, on one CPU core.
- **Data**: written by the generator in the same folder (templates and tables, standard library only). No other text was
  used, and nobody's. All people, places and things in it are made up.
- **Not of it**: `eval/text.txt` is plain English out of manuals (`eval/text.NOTICE`), for `lacuna eval` to measure changes
  of weights by; this model never saw any such text, and its perplexity of it is accordingly bad.
- **Licence**: Apache-2.0, like the rest of this repository.
- **Shape**: {layers} layers, hidden {hidden}, {heads} heads of {head_dim} with {kv} key/value heads, SwiGLU {ffn}, tied
  embeddings, rope theta {theta:g}, context {context}, byte-level BPE of {vocab} tokens, bfloat16.
- **Use**: it starts a story from nothing (BOS alone) or continues the beginning of one, such as "One day Mia found a",
  and ends it with the end token. Temperature 0.8 is the setting that it was looked at with.

## Training

{tokens:.1f} M tokens ({stories} stories, each seen once), Muon and AdamW, {minutes:.0f} minutes in all on one thread
of a busy machine. Loss on held-out stories: {held_out:.3f} nats a token (the stories are drawn at random, so zero
cannot be reached).

{table}

## Limits

English only, one kind of story. Far from its world (science, dates, code, other languages) it drifts back into it or
writes nonsense. At temperature 0.8 many a story has a slip: a name or a relative changes, or a clause of another story
slips in. Made-up names and beginnings unlike its own are carried through badly. It was trained on 512 tokens and must
not be run past them. It has no notion of safety beyond the harmlessness of its data.

## Samples

Of {n_sampled} samples at temperature 0.8, {n_ended} ended by themselves. The first ones, as they came:

{samples}
"""


def write_card(folder, config, parameters, parts, samples):
    rows = []
    for i, part in enumerate(parts):
        rows += [f"| {i + 1} | {step} | {loss:.3f} |" for step, loss in part["curve"]]
        rows.append(f"| {i + 1}, end | {part['steps']} | {part['held_out']:.3f} |")
    table = "| run | step | held-out loss |\n|---|---|---|\n" + "\n".join(rows)
    total = {key: sum(part[key] for part in parts) for key in ("tokens", "stories", "minutes")}
    drawn = [s for s in samples if s["sampled"]]
    shown = []
    for s in samples[:8]:
        how = "temperature 0.8" if s["sampled"] else "greedy"
        what = f"continuing \"{s['prompt']}\"" if s["prompt"] else "from BOS alone"
        shown.append(f"*{how}, {what}:* {s['text'].strip()}")
    text = TEXT.format(
        parameters=parameters / 1e6, layers=config["num_hidden_layers"], hidden=config["hidden_size"],
        heads=config["num_attention_heads"], head_dim=config["head_dim"], kv=config["num_key_value_heads"],
        ffn=config["intermediate_size"], theta=config["rope_theta"], context=config["max_position_embeddings"],
        vocab=config["vocab_size"], tokens=total["tokens"] / 1e6, stories=total["stories"], minutes=total["minutes"],
        held_out=parts[-1]["held_out"], table=table, n_sampled=len(drawn),
        n_ended=sum(s["ended"] for s in drawn), samples="\n\n".join(shown))
    (folder / "README.md").write_text(text)
