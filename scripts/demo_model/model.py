"""A small Llama: the same arithmetic as transformers' LlamaForCausalLM, written for fast training on one CPU core."""

import torch
import torch.nn as nn
import torch.nn.functional as F

CONFIG = dict(vocab_size=2048, hidden_size=192, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
              head_dim=32, intermediate_size=512, max_position_embeddings=512, rope_theta=10000.0, rms_norm_eps=1e-5)


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


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

    def forward(self, x, cos, sin):  # x [B, T, hidden]; cos, sin [T, head_dim]
        b, t, _ = x.shape
        y = self.input_layernorm(x)
        q = rotate(self.q_proj(y).view(b, t, self.heads, self.d).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(y).view(b, t, self.kv_heads, self.d).transpose(1, 2), cos, sin)
        v = self.v_proj(y).view(b, t, self.kv_heads, self.d).transpose(1, 2)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k.to(q.dtype), v.to(q.dtype), is_causal=True)
        x = x + self.o_proj(y.transpose(1, 2).reshape(b, t, -1))
        y = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos.to(x.dtype) + torch.cat((-x[..., half:], x[..., :half]), -1) * sin.to(x.dtype)


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RmsNorm(c["hidden_size"], c["rms_norm_eps"])
        inv = c["rope_theta"] ** (-torch.arange(0, c["head_dim"], 2).float() / c["head_dim"])
        angle = torch.outer(torch.arange(c["max_position_embeddings"]).float(), inv).repeat(1, 2)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 * ((2 * c["num_hidden_layers"]) ** -0.5 if residual else 1.0))

    def forward(self, ids):
        x = self.embed_tokens(ids)
        t = ids.shape[1]
        for layer in self.layers:
            x = layer(x, self.cos[:t], self.sin[:t])
        return F.linear(self.norm(x), self.embed_tokens.weight)

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
