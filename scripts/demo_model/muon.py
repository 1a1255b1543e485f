"""Muon (Jordan et al., 2024): momentum, made orthogonal. Matrices of one shape are one batched product.

The polynomials are those of Polar Express (Amsel et al., 2025); four of them are enough here.
"""

import collections

import torch

STEPS = ((8.28721201814563, -23.595886519098837, 17.300387312530933),
         (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
         (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
         (3.3184196573706015, -2.488488024314874, 0.51004894012372))


def orthogonal(m):
    """The nearest matrices with all singular values about 1: m [count, rows <= columns]."""
    x = m.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.02 + 1e-6)
    for a, b, c in STEPS:
        g = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(g, g, g, beta=b, alpha=c), x, beta=a)
    return x.to(m.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, matrices, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(list(matrices), dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = collections.defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    by_shape[tuple(sorted(p.shape))].append(p)
            for params in by_shape.values():
                updates = []
                for p in params:
                    mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                    mean.lerp_(p.grad, 1 - group["momentum"])
                    update = p.grad.lerp(mean, group["momentum"])
                    updates.append(update if p.shape[0] <= p.shape[1] else update.T)
                for p, update in zip(params, orthogonal(torch.stack(updates))):
                    update = update if p.shape[0] <= p.shape[1] else update.T
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
