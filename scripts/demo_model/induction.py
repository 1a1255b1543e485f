"""An initial state in which the model already looks up what followed a token's last occurrence (an induction circuit:
Olsson et al., 2022). Left to itself a model finds it only after millions of tokens, and all recall waits for it.

All embeddings share their first coordinate, so layer 0 can attend by distance alone: heads 0 to 3 look one, two, three
and four tokens back (rope turns by distance; the queries are turned back by it). The first writes a sketch of the token
before; layer 1 compares sketches of the current token with it and writes the token found.

It needs protection at first, or a hundred steps destroy it: the first updates point all one way. It waits for HELD tokens,
and the embedding is kept centred, which changes no probability (the same logit is added to all tokens) but keeps tokens
apart where they come in. Muon moves every direction of a matrix by its rate in each step, so that 60 steps at 0.01 undid
the circuit even after 1.5 M tokens (the loss rose from 1.9 to 2.3); at a tenth of it nothing was lost.
"""

import torch

EMBEDDING = 5        # times the usual 0.02: what layers add must not drown the tokens
SHARED = 1.0         # the common coordinate, beside a norm of about 2
HELD = 2_500_000     # tokens
RATE = 0.1           # of other matrices', from then on
FAST = 6             # rope's fastest pairs tell distances apart; the slower half hardly turns within a text
SHARP, MATCH, SKETCH, FOUND = 0.6, 3.0, 0.25, 1.0


def directions(count, size, generator):
    """Orthonormal rows that leave the common coordinate alone."""
    rows = torch.linalg.qr(torch.randn(size - 1, count, generator=generator))[0].T
    return torch.cat([torch.zeros(count, 1), rows], 1)


def held(model):
    """The circuit and the one thing between its halves."""
    first, second = model.layers[:2]
    parts = [m for layer in (first, second) for m in (layer.q_proj, layer.k_proj, layer.v_proj, layer.o_proj)]
    return [m.weight for m in parts + [first.gate_proj, first.up_proj, first.down_proj]]


@torch.no_grad()
def centre(model):
    rows = model.embed_tokens.weight[:, 1:]
    rows -= rows.mean(0)


@torch.no_grad()
def wire(model, seed=0):
    c, g = model.config, torch.Generator().manual_seed(seed)
    h, d, heads = c["hidden_size"], c["head_dim"], c["num_attention_heads"]
    per_group = heads // c["num_key_value_heads"]
    turn = c["rope_theta"] ** (-torch.arange(0, d, 2).float() / d)
    model.embed_tokens.weight.mul_(EMBEDDING)
    model.embed_tokens.weight[:, 0] = SHARED
    model.norm.weight.fill_(0.5)  # logits begin small all the same
    token, found = directions(d, h, g), directions(2 * d, h, g)
    before = directions(per_group * d, h, g)  # a place for what each distance finds
    first, second = model.layers[0], model.layers[1]

    first.k_proj.weight[:d] = 0
    first.k_proj.weight[:FAST, 0] = SHARP
    first.v_proj.weight[:d] = token
    for head in range(per_group):
        q, at = first.q_proj.weight[head * d:(head + 1) * d], (head + 1) * turn[:FAST]
        q.zero_()
        q[:FAST, 0], q[d // 2:d // 2 + FAST, 0] = SHARP * at.cos(), -SHARP * at.sin()
        mine = slice(head * d, (head + 1) * d)
        first.o_proj.weight[:, mine] = (SKETCH if head == 0 else SKETCH / 2) * before[mine].T

    slow = torch.cat([torch.arange(d // 4, d // 2), torch.arange(3 * d // 4, d)])  # half of the pairs
    for group in range(2):
        part = slice(group * d // 2, (group + 1) * d // 2)
        k = second.k_proj.weight[group * d:(group + 1) * d]
        k.zero_()
        k[slow] = MATCH * before[:d][part]
        second.v_proj.weight[group * d:(group + 1) * d] = found[group * d:(group + 1) * d]
        for head in range(group * per_group, group * per_group + 2):  # the others are free
            q = second.q_proj.weight[head * d:(head + 1) * d]
            q.zero_()
            q[slow] = MATCH * token[part]
            second.o_proj.weight[:, head * d:(head + 1) * d] = FOUND * found[group * d:(group + 1) * d].T
