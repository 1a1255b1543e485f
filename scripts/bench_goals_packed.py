"""The goals of packed weights, dense codecs and bitmaps, as lines for scripts/bench_results.py. Runs are those of the group
`packed` of scripts/bench_run.py, other engines those of scripts/peers/run.py."""

import bench_run
from bench_goals import load_note, percent, rows_goal, rows_of, same_day

HEAD = """Whole models, `lm_head` in the codec. Bytes are the codec's own, counted by the kernels; the peak is that of the integer
instruction where activations are int8. *Fast memory*: bw above 28 GB/s a core, where instructions begin to bind.
"""
FAST = 28.0  # GB/s a core


def model(values, density=None):
    shape = bench_run.PACKED_SHAPES[values]
    if density is None:
        return shape if values == "bf16" else bench_run.packed_model(shape, values)
    return bench_run.packed_model(shape, "bitmap-" + values, density)


def rows_with(kind, values, density=None):
    return rows_of(kind, "decode" if values == "bf16" and density is None else "packed", model(values, density))


def decode_row(rows):
    return rows.get("tg32") or rows.get("tg128")


def speed(row):
    """Tokens a second of what the share is of: the steady repetitions."""
    return row["gb_s"] * 1e9 / row["bytes_per_token"]


def fast_memory(row):
    return row["stream_gb_s"] / row["n_threads"] > FAST


def name_of(values, density=None):
    return values if density is None else "bitmap-%s %.0f %%" % (values, 100 * density)


def share_goal(goals, kind, values, densities, least, least_fast):
    """The share of bw of decoding, the worst of the densities."""
    what = "decode, %s, %s" % (name_of(values) if densities == [None] else "bitmap-" + values, bench_run.PACKED_SHAPES[values])
    goal = "%.0f %% of bw (fast memory: %.0f %%)" % (100 * least, 100 * least_fast)
    figures, met, used, run = [], True, [], None
    for density in densities:
        this, rows = rows_with(kind, values, density)
        row = decode_row(rows)
        if not row:
            continue
        run = this
        used.append(row)
        label = "" if density is None else "%g: " % density
        figures.append("%s%s (%.1f of %.1f GB/s, %.2f t/s)" % (label, percent(row["roof_share"]), row["gb_s"],
                                                              row["stream_gb_s"], speed(row)))
        met = met and row["roof_share"] >= (least_fast if fast_memory(row) else least)
    if len(figures) < len(densities):  # a part of the densities is not the goal
        return goals.add(what, goal, note="measured: " + ", ".join(figures) if figures else "")
    goals.add(what, goal, ", ".join(figures), met, run, load_note(used))


def ratio_goal(goals, kind, values):
    """A bitmap of half beside the same codec dense, each as a share of its own run's bw: memory's speed differs between runs."""
    what = "decode, %s beside dense, %s" % (name_of(values, 0.5), bench_run.PACKED_SHAPES[values])
    goal = "0.95 x the byte ratio (fast memory: reported)"
    row, (run, rows) = decode_row(rows_with(kind, values)[1]), rows_with(kind, values, 0.5)
    sparse = decode_row(rows)
    if not row or not sparse:
        return goals.add(what, goal)
    ratio = row["bytes_per_token"] / sparse["bytes_per_token"]
    gain = ratio * (sparse["gb_s"] / sparse["stream_gb_s"]) / (row["gb_s"] / row["stream_gb_s"])
    goals.add(what, goal, "%.2f x: speed %.2f at equal bw, bytes %.2f" % (gain / ratio, gain, ratio),
              gain >= 0.95 * ratio or fast_memory(sparse), run, load_note([row, sparse]))


def peer_goal(goals, kind, ours, engines, types, test, least):
    """The best round of ours against the best of theirs, of the day when both ran in turns. Of several engines the one
    that leaves us least counts. An engine that was not there is named, and the goal is against those that were."""
    theirs_named = " and ".join(engines) + (" " + " or ".join(types) if types else "")
    what = "%s, %s beside %s, tinyllama-1.1b" % ("decode" if test.startswith("tg") else "prompt of 512", ours, theirs_named)
    goal = "%.2f x" % least
    mine = [p for p in kind["peers"] if p["engine"] == "lacuna" and p["type"] == ours and p["test"] == test]
    found, missing = [], []  # (ratio, ours, theirs)
    for engine in engines:
        theirs = [p for p in kind["peers"] if p["engine"] == engine and p["test"] == test and (not types or p["type"] in types)]
        beside, theirs = same_day(mine, theirs)
        if not theirs:
            missing.append(engine)
            continue
        best = max(theirs, key=lambda p: p["best_ts"])
        found.append((beside[0]["best_ts"] / best["best_ts"], beside[0], best))
    if not found:
        return goals.add(what, goal)
    ratio, own, best = min(found, key=lambda f: f[0])
    named = best["type"] if len(engines) == 1 else best["engine"] + " " + best["type"]
    goals.add(what, goal, "%.2f x: %.1f t/s beside %.1f (%s)" % (ratio, own["best_ts"], best["best_ts"], named),
              ratio >= least, own, "not run: " + ", ".join(missing) if missing else "")


def prompt_goal(goals, kind, values, least, instruction):
    what, goal = "prompt of 512, %s, %s" % (values, bench_run.PACKED_SHAPES[values]), "%.0f %% of %s" % (100 * least, instruction)
    run, rows = rows_with(kind, values)
    row = rows.get("pp512")
    if not row or row["peak_instruction"] != instruction:
        return goals.add(what, goal)
    share = row["gflop_s"] / row["peak_gflop_s"]
    goals.add(what, goal, "%s: %.0f of %.0f GOP/s, %.0f t/s" % (percent(share), row["gflop_s"], row["peak_gflop_s"],
                                                               row["avg_ts"]), share >= least, run, load_note([row]))


def bitmap_prompt_goal(goals, kind, values):
    what, goal = "prompt of 512, %s beside dense, %s" % (name_of(values, 0.5), bench_run.PACKED_SHAPES[values]), "85 %"
    row, (run, rows) = rows_with(kind, values)[1].get("pp512"), rows_with(kind, values, 0.5)
    sparse = rows.get("pp512")
    if not row or not sparse:
        return goals.add(what, goal)
    ratio = sparse["avg_ts"] / row["avg_ts"]
    goals.add(what, goal, "%s: %.0f of %.0f t/s" % (percent(ratio), sparse["avg_ts"], row["avg_ts"]), ratio >= 0.85, run,
              load_note([row, sparse]))


def add_all(goals, kind, amx):
    for values in ("int8", "int4"):
        share_goal(goals, kind, values, [None], 0.88, 0.80)
    for values in bench_run.PACKED_SHAPES:
        share_goal(goals, kind, values, list(bench_run.DENSITIES), 0.85, 0.70 if values == "int4" else 0.80)
    for values in bench_run.PACKED_SHAPES:
        ratio_goal(goals, kind, values)
    four = ["Q4_0", "Q4_K_S"] if any(p["type"] == "Q4_K_S" for p in kind["peers"]) else ["Q4_0", "Q4_K"]
    peer_goal(goals, kind, "int4", ["llama.cpp"], four, "tg64", 1.0 if amx else 1.25)
    peer_goal(goals, kind, "bitmap-int4 50 %", ["llama.cpp"], four, "tg64", 1.35 if amx else 1.5)
    peer_goal(goals, kind, "bitmap-int8 50 %", ["llama.cpp"], ["Q8_0"], "tg64", 1.5)
    for values in ("int8", "int4"):
        for density in (None, 0.5):
            rows_goal(goals, kind, "packed", model(values, density), amx, 0.5)
    prompt_goal(goals, kind, "int8", 0.60 if amx else 0.62, "TDPBSUD" if amx else "VPDPBUSD")
    prompt_goal(goals, kind, "int4", 0.45 if amx else 0.55, "TDPBSUD" if amx else "VPDPBUSD")
    if not amx:
        for values in ("int8", "int4"):
            peer_goal(goals, kind, values, ["OpenVINO GenAI", "ik_llama.cpp"], [], "pp512", 1.0)
    for values in bench_run.PACKED_SHAPES:
        bitmap_prompt_goal(goals, kind, values)


def layers_table(kind):
    lines = ["| codec | density | layer | N x K | M | bits a weight | ms | GB/s of bw | GOP/s of peak | roof share | kernel |",
             "|---|--:|---|---|--:|--:|--:|--:|--:|--:|---|"]
    for e in kind["packed"]:
        lines.append("| %s | %g | %s | %d x %d | %d | %.2f | %.3f | %.1f of %.1f | %.0f of %.0f | %s | %s |" % (
            e["codec"], e["density"], e["layer"], e["n"], e["k"], e["m"], e["bits_per_weight"], e["ns"] / 1e6, e["gb_s"],
            e["stream_gb_s"], e["gflop_s"], e["peak_gflop_s"], percent(e["roof_share"]), e["kernel"]))
    return "\n".join(lines) + "\n"
