"""A second process that computes gradients of the same weights on documents of its own, for machines with a core to spare
now and then. It never keeps the first waiting: what it has when a step ends is averaged in, one step late at most.
"""

import signal
import time

import torch
import torch.multiprocessing as mp

import data
import loss

FREE, FULL, CLOSED = 0, 1, 2


def _work(model, tokenizer, seed, pages, part_at, batch, shared):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    documents = data.Documents(tokenizer, seed, pages)
    parameters, count, tokens = list(model.parameters()), 0, 0
    while shared.state.value != CLOSED:
        at = part_at(shared.seen.value)
        row = documents.take(batch(at), at)
        loss.loss_of(model, row)[0].backward()
        count, tokens = count + 1, tokens + len(row.ids)
        shared.cpu_seconds.value = time.process_time()
        if shared.state.value == FREE:
            for p, sum_of in zip(parameters, shared.gradients):
                sum_of.copy_(p.grad)
                p.grad = None
            shared.count.value, shared.tokens.value, count, tokens = count, tokens, 0, 0
            shared.state.value = FULL


class _Shared:
    def __init__(self, context, model, seen):
        self.state, self.count, self.tokens = (context.Value("q", 0, lock=False) for _ in range(3))
        self.seen, self.cpu_seconds = context.Value("d", seen, lock=False), context.Value("d", 0.0, lock=False)
        self.gradients = [torch.zeros_like(p).share_memory_() for p in model.parameters()]


class Second:
    def __init__(self, model, seen, *args):
        context = mp.get_context("fork")
        model.share_memory()
        self.parameters, self.shared = list(model.parameters()), _Shared(context, model, seen)
        self.process = context.Process(target=_work, args=(model, *args, self.shared), daemon=True)
        self.process.start()

    def add(self, seen):
        """Averages into the gradients what has come; `seen`: tokens of all runs, for the curriculum. Tokens that came."""
        self.shared.seen.value = seen
        if self.shared.state.value != FULL:
            return 0
        count, tokens = self.shared.count.value, self.shared.tokens.value
        for p, sum_of in zip(self.parameters, self.shared.gradients):
            p.grad.add_(sum_of).div_(1 + count)
        self.shared.state.value = FREE
        return tokens

    def cpu_seconds(self):
        return self.shared.cpu_seconds.value

    def close(self):
        self.shared.state.value = CLOSED
        self.process.terminate()
        self.process.join()
