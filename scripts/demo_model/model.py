"""A small Llama: the same arithmetic as transformers' LlamaForCausalLM, written for fast training on one CPU core.

Documents of any lengths lie one after another in one row of tokens; attention alone knows where they end. Weights are
float32, products are bfloat16.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

CONFIG = dict(vocab_size=2048, hidden_size=192, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
              head_dim=32, intermediate_size=512, max_position_embeddings=512, rope_theta=10000.0, rms_norm_eps=1e-5)
BLOCK = 256  # queries at a time: what a causal mask would waste stays small


class Attention(torch.autograd.Function):
    """Causal attention inside each document. The fused kernel of PyTorch is several times slower here: documents are
    short, and the four query heads of a key head make one product of four times the rows."""

    @staticmethod
    def forward(ctx, q, k, v, lengths):  # q [N, heads, d], k and v [N, kv_heads, d]
        n, heads, d = q.shape
        groups = k.shape[1]
        out, kept, start = torch.empty_like(q), [], 0
        for length in lengths:
            qd = (q[start:start + length] * d ** -0.5).view(length, groups, heads // groups, d).permute(1, 2, 0, 3)
            kd = k[start:start + length].transpose(0, 1)
            vd = v[start:start + length].transpose(0, 1)
            od = out[start:start + length].view(length, groups, heads // groups, d).permute(1, 2, 0, 3)
            for b in range(0, length, BLOCK):
                e = min(b + BLOCK, length)
                s = torch.bmm(qd[:, :, b:e].reshape(groups, -1, d), kd[:, :e].transpose(1, 2))
                s = s.view(groups, heads // groups, e - b, e)
                s[..., b:].masked_fill_(ctx_mask(e - b), float("-inf"))
                p = torch.softmax(s, -1).view(groups, -1, e)
                od[:, :, b:e] = torch.bmm(p, vd[:, :e]).view(groups, heads // groups, e - b, d)
                kept.append(p)
            start += length
        ctx.save_for_backward(q, k, v, *kept)
        ctx.lengths = lengths
        return out

    @staticmethod
    def backward(ctx, grad):
        q, k, v, *kept = ctx.saved_tensors
        n, heads, d = q.shape
        groups = k.shape[1]
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        start, used = 0, 0
        for length in ctx.lengths:
            here = slice(start, start + length)
            qd, gd, dqd = (t[here].view(length, groups, heads // groups, d).permute(1, 2, 0, 3) for t in (q, grad, dq))
            kd, vd = k[here].transpose(0, 1), v[here].transpose(0, 1)
            dkd, dvd = k.new_zeros(groups, length, d), k.new_zeros(groups, length, d)
            for b in range(0, length, BLOCK):
                e, p = min(b + BLOCK, length), kept[used]
                used += 1
                qb, gb = qd[:, :, b:e].reshape(groups, -1, d), gd[:, :, b:e].reshape(groups, -1, d)
                dvd[:, :e] += torch.bmm(p.transpose(1, 2), gb)
                ds = torch._softmax_backward_data(torch.bmm(gb, vd[:, :e].transpose(1, 2)), p, -1, p.dtype)
                ds *= d ** -0.5
                dqd[:, :, b:e] = torch.bmm(ds, kd[:, :e]).view(groups, heads // groups, e - b, d)
                dkd[:, :e] += torch.bmm(ds.transpose(1, 2), qb)
            dk[here], dv[here] = dkd.transpose(0, 1), dvd.transpose(0, 1)
            start += length
        return dq, dk, dv, None


_MASKS = {}


def ctx_mask(n):
    if n not in _MASKS:
        _MASKS[n] = torch.ones(n, n, dtype=torch.bool).triu(1)
    return _MASKS[n]


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def linear(x, layer):
    return F.linear(x.bfloat16(), layer.weight.bfloat16())


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, d = c["hidden_size"], c["head_dim"]
        self.heads, self.kv_heads, self.d = c["num_attention_heads"], c["num_key_value_heads"], d
        self.input_layernorm = RmsNorm(h, c["rms_norm_eps"])
        self.q_proj = nn.Linear(h, self.heads * d, bias=False)
        self.k_proj = nn.Linear(h, self.kv_heads * d, bias=False)
        self.v_proj = nn.Linear(h, self.kv_heads * d, bias=False)
        self.o_proj = nn.Linear(self.heads * d, h, bias=False)
        self.post_attention_layernorm = RmsNorm(h, c["rms_norm_eps"])
        self.gate_proj = nn.Linear(h, c["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(h, c["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(c["intermediate_size"], h, bias=False)

    def before(self, x, cos, sin):  # x [N, hidden]; cos, sin [N, 1, head_dim]
        y = self.input_layernorm(x)
        q = rotate(linear(y, self.q_proj).view(-1, self.heads, self.d), cos, sin)
        k = rotate(linear(y, self.k_proj).view(-1, self.kv_heads, self.d), cos, sin)
        return q, k, linear(y, self.v_proj).view(-1, self.kv_heads, self.d)

    def after(self, x, attended):
        x = x + linear(attended.flatten(1), self.o_proj)
        y = self.post_attention_layernorm(x)
        return x + linear(F.silu(linear(y, self.gate_proj)) * linear(y, self.up_proj), self.down_proj)


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return (x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin).bfloat16()


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RmsNorm(c["hidden_size"], c["rms_norm_eps"])
        self.before, self.after = Layer.before, Layer.after
        inv = c["rope_theta"] ** (-torch.arange(0, c["head_dim"], 2).float() / c["head_dim"])
        angle = torch.outer(torch.arange(c["max_position_embeddings"]).float(), inv).repeat(1, 2)
        self.register_buffer("cos", angle.cos()[:, None], persistent=False)
        self.register_buffer("sin", angle.sin()[:, None], persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 * ((2 * c["num_hidden_layers"]) ** -0.5 if residual else 1.0))

    def hidden(self, ids, lengths, also=None, look=None):
        """The last layer's output, normed, for documents that lie one after another: ids [sum of lengths]. With `also`,
        numbers of layers, and `look`, a layer: also what comes out of so many, by their number, and that layer's input,
        queries, keys, values and attention."""
        x, between = self.embed_tokens(ids), {}
        at = torch.cat([torch.arange(n, device=ids.device) for n in lengths])
        cos, sin = self.cos[at], self.sin[at]
        for i, layer in enumerate(self.layers, 1):
            q, k, v = self.before(layer, x, cos, sin)
            attended = Attention.apply(q, k, v, lengths)
            if i == look:
                looking = x, q, k, v, attended
            x = self.after(layer, x, attended)
            if also and i in also:
                between[i] = self.norm(x)
        return (self.norm(x), between, looking) if also else self.norm(x)

    def forward(self, ids):  # [B, T] -> logits [B, T, vocab]
        x = self.hidden(ids.flatten(), [ids.shape[1]] * ids.shape[0])
        return self.logits(x).view(*ids.shape, -1)

    def logits(self, x):
        return F.linear(x.bfloat16(), self.embed_tokens.weight.bfloat16())

    def hugging_face_parameters(self):
        """Parameters under the names of a Llama checkpoint. The tied lm_head is left out."""
        for name, p in self.named_parameters():
            name = name.replace("q_proj", "self_attn.q_proj").replace("k_proj", "self_attn.k_proj")
            name = name.replace("v_proj", "self_attn.v_proj").replace("o_proj", "self_attn.o_proj")
            for m in ("gate_proj", "up_proj", "down_proj"):
                name = name.replace(m, "mlp." + m)
            yield "model." + name, p

    def hugging_face_tensors(self):
        return {name: p.detach().to(torch.bfloat16).contiguous() for name, p in self.hugging_face_parameters()}

    @torch.no_grad()
    def load_hugging_face_tensors(self, tensors):
        for name, p in self.hugging_face_parameters():
            p.copy_(tensors[name])
