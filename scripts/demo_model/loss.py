"""What training lowers: the loss of answers, with less weight of other tokens, and of the way to the answers."""

import torch
import torch.nn.functional as F

import notes

LOOK = 5  # the layer of which a head is told where to look


def loss_of(model, row, device="cpu"):
    """(loss per weight, that of the answers' tokens alone). Answers always count; of the other tokens some, by chance,
    and then with more weight: the products with the vocabulary are dear."""
    ids, weights = torch.tensor(row.ids, device=device), torch.tensor(row.weights, device=device)
    chance = (3 * weights).clamp(max=1)
    at = (torch.rand_like(chance) < chance).nonzero()[:, 0]
    at = at[at + 1 < len(ids)]
    look = min(LOOK, len(model.layers))
    hidden, known, looking = model.hidden(ids, row.sizes, (notes.EARLY, notes.STEP, notes.DEEP), look)
    share = (weights / chance)[at]
    each = F.cross_entropy(model.logits(hidden[at]).float(), ids[at + 1], reduction="none")
    answers = (weights[at] == 1).nonzero()[:, 0]
    total = (each * share).sum() + of_known(model, row.ways, known) + of_looks(model, row.looks, ids, looking, look)
    return total / share.sum(), each.detach()[answers].mean().item() if len(answers) else 0.0


def of_known(model, ways, known):
    """Where the answer is the place that Mia went to, who took the lamp, the first layers are told to have found Mia
    where the answer begins; and what the reader knows at the end of a sentence, as how many came so far."""
    total = 0.0
    for layers, state in known.items():
        if here := [(at, token, weight) for at, token, n, weight in ways if n == layers]:
            at, tokens, weights = map(list, zip(*here))
            tokens = torch.tensor(tokens, device=state.device)
            each = F.cross_entropy(model.logits(state[at]).float(), tokens, reduction="none")
            total = total + each @ torch.tensor(weights, device=state.device)
    return total


def of_looks(model, looks, ids, looking, layer):
    """A head of this layer is told to look at the place, and the layer to say the answer as if it had: left alone, the
    model guesses one of the places, and for millions of tokens does not say what it sees."""
    if not looks:
        return 0.0
    x, q, k, v, attended = looking
    total = 0.0
    for start, at, seen in looks:
        scores = k[start:start + at + 1, 0] @ q[start + at, 0] * q.shape[-1] ** -0.5
        total = total + torch.logsumexp(scores.float(), 0) - scores[seen]
    at, seen = torch.tensor([(start + at, start + seen) for start, at, seen in looks], device=ids.device).T
    right = torch.cat([v[seen, :1], attended[at, 1:]], 1)
    said = model.logits(model.norm(model.after(model.layers[layer - 1], x[at], right)))
    return total + F.cross_entropy(said.float(), ids[at + 1], reduction="sum")
