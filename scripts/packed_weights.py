"""Weights of a packed model directory as PyTorch tensors (kernels/README.md draws the streams). Of the codecs that
scripts/check_compress.py compares: bf16 and int4, all weights or a bitmap of bf16."""

import numpy
import torch
from safetensors import safe_open


class PackedModel:
    def __init__(self, folder):
        self.file = safe_open(str(folder / "model.safetensors"), "pt")
        self.names = set(self.file.keys())

    def stream(self, name, stream, dtype, count=None):
        """The first `count` elements of a stream, without its padding."""
        data = self.file.get_tensor(f"{name}.lacuna.{stream}").numpy().tobytes()
        size = numpy.dtype(dtype).itemsize
        return numpy.frombuffer(data[:len(data) // size * size if count is None else count * size], dtype=dtype)

    def has(self, name, stream):
        return f"{name}.lacuna.{stream}" in self.names

    def mask(self, name, n, k):
        """[n, k], True where a weight is stored, of a bitmap of bf16."""
        panels, tiles = (n + 15) // 16, (k + 31) // 32
        words = self.stream(name, "mask", "<u4", panels * tiles * 16).reshape(panels, tiles, 16, 1)
        bits = (words >> numpy.arange(32, dtype=numpy.uint32)) & 1  # [panel][tile][row][channel * 2 + k % 2]
        return torch.from_numpy(unfold(bits, 2)[:n, :k] != 0)

    def bitmap_bf16(self, name, n, k):
        panels, tiles = (n + 15) // 16, (k + 31) // 32
        words = self.stream(name, "mask", "<u4", panels * tiles * 16).reshape(panels, tiles, 16, 1)
        stored = (((words >> numpy.arange(32, dtype=numpy.uint32)) & 1) != 0).reshape(panels, -1)
        values = self.stream(name, "values", "<u2")
        if self.has(name, "bases"):
            starts = self.stream(name, "bases", "<u8", panels + 1)[:-1] // 2
        else:  # N:M: as many in every panel, a multiple of 64 bytes
            starts = numpy.arange(panels) * ((int(stored[0].sum()) * 2 + 63) // 64 * 32)
        bits = numpy.zeros(stored.shape, dtype="<u2")
        for panel in range(panels):
            count = int(stored[panel].sum())
            bits[panel, stored[panel]] = values[int(starts[panel]):int(starts[panel]) + count]
        whole = unfold(bits.reshape(panels, tiles, 16, 32), 2)[:n, :k]
        return torch.from_numpy((whole.astype("<u4") << 16).view("<f4").copy()).double()

    def int4(self, name, n, k, group):
        panels, tiles = (n + 15) // 16, (k + 63) // 64
        bytes_ = self.stream(name, "values", "u1", panels * tiles * 512).reshape(panels, tiles, 8, 64)
        codes = numpy.concatenate([bytes_ & 15, bytes_ >> 4], axis=2)  # [panel][tile][16 rows][channel * 4 + k % 4]
        units = self.stream(name, "codebook", "u1", 16).astype(numpy.int64)[codes] - 8
        units = unfold(units, 4)[:n]
        groups = (tiles * 64 + group - 1) // group
        scales = self.stream(name, "scales", "<f2", panels * groups * 16).reshape(panels, groups, 16)
        scales = scales.transpose(0, 2, 1).reshape(panels * 16, groups)[:n].astype("<f8")
        whole = torch.from_numpy((units * numpy.repeat(scales, group, axis=1)[:, :units.shape[1]])[:, :k])
        if not self.has(name, "perm"):
            return whole
        out = torch.empty_like(whole)
        out[:, torch.from_numpy(self.stream(name, "perm", "<i4", k).astype("<i8"))] = whole
        return out


def unfold(rows, step):
    """[panel][tile][row][channel * step + k % step] to [n][k]."""
    panels, tiles = rows.shape[:2]
    rows = rows.reshape(panels, tiles, 16, 16, step).transpose(0, 3, 1, 2, 4)
    return rows.reshape(panels * 16, tiles * 16 * step)
