"""The networks that MGA-Net is compared with, in PyTorch, float64: the executable definition for the WebGPU implementation.

VGG-16 (with and without batch norm), Inception v3, ResNeXt-50, ViT-B/16 and Swin-T, each with a factor on its width and
for any input size; and SE and CBAM in the places of MGA-Net's attention modules. At width 1 the backbones are
torchvision's: the same names, shapes and values (--selfcheck compares them). README.md lists what was decided and why.

    python3 backbones_reference.py --selfcheck                  # against torchvision, and the formulas of README.md
    python3 backbones_reference.py --table                      # parameters and FLOPs
    python3 backbones_reference.py --out DIR                    # writes the cases listed at the bottom
    python3 backbones_reference.py --out DIR --model swin_t --width 1/12 --depth 1/3 --size 96x64 --batch 3 --seed 5

Needs PyTorch and, for --selfcheck alone, torchvision (Debian: python3-torch, python3-torchvision). Tensors are
PyTorch's: NCHW activations, OIHW convolution weights, OI linear weights; transformers NHWC or [N, T, C] inside.
"""
import argparse
import copy
import math
import sys
import warnings
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mganet_reference import MGANet, dice_loss, ellipse_mask, joint_loss, save_safetensors, smooth_noise

CLASSES = 2
AUX = 0.4  # weight of Inception's auxiliary loss


# --- width and depth ----------------------------------------------------------------------------------------------

def nearest(x):
    """Half upwards, as JavaScript's Math.round; Python's own round goes to even numbers."""
    return math.floor(x + 0.5)


def eights(channels, width):
    """A channel count at a width: the nearest multiple of 8, at least 8."""
    return max(8, 8 * nearest(channels * width / 8))


def heads_at(heads, head_dim, width):
    """Heads and channels of a transformer at a width: whole heads of head_dim; below one head, one narrower head."""
    n = heads * width
    return (nearest(n), nearest(n) * head_dim) if n >= 1 else (1, min(head_dim, eights(heads * head_dim, width)))


# --- dropout whose masks anyone can compute again -----------------------------------------------------------------

M32 = np.uint64(0xFFFFFFFF)
DROP = 0x44524F50  # "DROP": second word of the key, so that other uses of the same seed draw other numbers


def philox4x32(counter, key):
    """Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

    counter: four arrays of 32-bit words that broadcast; key: two words -> four arrays of uint64 below 2^32.
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(c, np.uint64) for c in counter))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & M32, (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & M32
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def kept(n, features, p, *, seed, step, layer):
    """Which of `features` values of each of n samples survive dropout with probability p, bool [n, features].

    Value f of sample i survives when word f % 4 of philox4x32((f // 4, i, step, layer), (seed, DROP)) >= floor(p 2^32).
    step counts training steps from 1 as Adam does, layer the drops of a network in order, f the values of one sample in
    NHWC order. Nothing depends on how work is cut up, or on what was drawn before.
    """
    quad = np.arange(-(-features // 4))[None, :]
    words = philox4x32((quad, np.arange(n)[:, None], step, layer), (seed & 0xFFFFFFFF, DROP))
    words = np.stack(words, -1).reshape(n, -1)[:, :features]
    return torch.from_numpy(words >= np.uint64(math.floor(p * 2**32)))


class Drop(nn.Module):
    """Dropout of x [N, ...] with `features` numbers a sample: one a value, or 1 for whole samples (torchvision's
    StochasticDepth, mode "row"). `uses`: how often a forward pass calls it; each use has a number of its own.

    Off (the identity) but in training with rng["on"]; `number_drops` gives it `layer` and `rng`.
    """

    def __init__(self, p, features, uses=1):
        super().__init__()
        self.p, self.features, self.uses = p, features, uses
        self.layer, self.rng = 0, {"on": False}

    def keep(self, n, step, use):
        return kept(n, self.features, self.p, seed=self.rng["seed"], step=step, layer=self.layer + use)

    def forward(self, x, use=0):
        if not (self.training and self.rng["on"] and self.p > 0):
            return x
        keep = self.keep(x.shape[0], self.rng["step"], use).reshape(x.shape[0], *([1] * (x.dim() - 1) if self.features == 1 else x.shape[1:]))
        return x * keep.to(x.dtype) / (1 - self.p)


def number_drops(net, seed, on):
    """Numbers the drops in order of definition, one number a use."""
    net.rng = {"on": on, "seed": seed, "step": 1}
    layer = 0
    for m in net.modules():
        if isinstance(m, Drop):
            m.layer, m.rng = layer, net.rng
            layer += m.uses


# --- VGG (Simonyan & Zisserman 2015), as torchvision's vgg16 and vgg16_bn -----------------------------------------

class VGG(nn.Module):
    PLAN = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self, width, batch_norm):
        super().__init__()
        layers, cin = [], 3
        for stage in self.PLAN:
            for c in (eights(c, width) for c in stage):
                layers += [nn.Conv2d(cin, c, 3, 1, 1)] + [nn.BatchNorm2d(c)] * batch_norm + [nn.ReLU()]
                cin = c
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        hidden = eights(4096, width)
        self.classifier = nn.Sequential(nn.Linear(cin * 49, hidden), nn.ReLU(), Drop(0.5, hidden),
                                        nn.Linear(hidden, hidden), nn.ReLU(), Drop(0.5, hidden), nn.Linear(hidden, CLASSES))

    def forward(self, x):
        y = F.adaptive_avg_pool2d(self.features(x), 7)  # window i covers floor(i H / 7) .. ceil((i + 1) H / 7) - 1
        return {"logits": self.classifier(y.flatten(1))}  # channels first: feature c * 49 + y * 7 + x

    def initialise(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.zeros_(m.bias)


# --- Inception v3 (Szegedy et al. 2016), as torchvision's inception_v3 without transform_input ---------------------

class ConvBN(nn.Module):
    """Convolution without bias, batch norm with eps 1e-3, ReLU."""

    def __init__(self, cin, cout, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3)
        self.cout = cout

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


def avg3(x):
    """3x3, stride 1, padding 1; the divisor is 9 at the border too."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=True)


WIDE, TALL = dict(kernel=(1, 7), padding=(0, 3)), dict(kernel=(7, 1), padding=(3, 0))


class InceptionA(nn.Module):
    def __init__(self, cin, c, pool):
        super().__init__()
        self.branch1x1 = ConvBN(cin, c(64), 1)
        self.branch5x5_1 = ConvBN(cin, c(48), 1)
        self.branch5x5_2 = ConvBN(c(48), c(64), 5, padding=2)
        self.branch3x3dbl_1 = ConvBN(cin, c(64), 1)
        self.branch3x3dbl_2 = ConvBN(c(64), c(96), 3, padding=1)
        self.branch3x3dbl_3 = ConvBN(c(96), c(96), 3, padding=1)
        self.branch_pool = ConvBN(cin, c(pool), 1)
        self.cout = 2 * c(64) + c(96) + c(pool)

    def forward(self, x):
        return torch.cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)),
                          self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))), self.branch_pool(avg3(x))], 1)


class InceptionB(nn.Module):
    def __init__(self, cin, c):
        super().__init__()
        self.branch3x3 = ConvBN(cin, c(384), 3, stride=2)
        self.branch3x3dbl_1 = ConvBN(cin, c(64), 1)
        self.branch3x3dbl_2 = ConvBN(c(64), c(96), 3, padding=1)
        self.branch3x3dbl_3 = ConvBN(c(96), c(96), 3, stride=2)
        self.cout = c(384) + c(96) + cin

    def forward(self, x):
        return torch.cat([self.branch3x3(x), self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))), F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    def __init__(self, cin, c, inner):
        super().__init__()
        out, mid = c(192), c(inner)
        self.branch1x1 = ConvBN(cin, out, 1)
        self.branch7x7_1 = ConvBN(cin, mid, 1)
        self.branch7x7_2 = ConvBN(mid, mid, **WIDE)
        self.branch7x7_3 = ConvBN(mid, out, **TALL)
        self.branch7x7dbl_1 = ConvBN(cin, mid, 1)
        self.branch7x7dbl_2 = ConvBN(mid, mid, **TALL)
        self.branch7x7dbl_3 = ConvBN(mid, mid, **WIDE)
        self.branch7x7dbl_4 = ConvBN(mid, mid, **TALL)
        self.branch7x7dbl_5 = ConvBN(mid, out, **WIDE)
        self.branch_pool = ConvBN(cin, out, 1)
        self.cout = 4 * out

    def forward(self, x):
        y = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        return torch.cat([self.branch1x1(x), self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
                          self.branch7x7dbl_5(self.branch7x7dbl_4(y)), self.branch_pool(avg3(x))], 1)


class InceptionD(nn.Module):
    def __init__(self, cin, c):
        super().__init__()
        self.branch3x3_1 = ConvBN(cin, c(192), 1)
        self.branch3x3_2 = ConvBN(c(192), c(320), 3, stride=2)
        self.branch7x7x3_1 = ConvBN(cin, c(192), 1)
        self.branch7x7x3_2 = ConvBN(c(192), c(192), **WIDE)
        self.branch7x7x3_3 = ConvBN(c(192), c(192), **TALL)
        self.branch7x7x3_4 = ConvBN(c(192), c(192), 3, stride=2)
        self.cout = c(320) + c(192) + cin

    def forward(self, x):
        y = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), self.branch7x7x3_4(y), F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    def __init__(self, cin, c):
        super().__init__()
        mid = c(384)
        self.branch1x1 = ConvBN(cin, c(320), 1)
        self.branch3x3_1 = ConvBN(cin, mid, 1)
        self.branch3x3_2a = ConvBN(mid, mid, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvBN(mid, mid, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvBN(cin, c(448), 1)
        self.branch3x3dbl_2 = ConvBN(c(448), mid, 3, padding=1)
        self.branch3x3dbl_3a = ConvBN(mid, mid, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvBN(mid, mid, (3, 1), padding=(1, 0))
        self.branch_pool = ConvBN(cin, c(192), 1)
        self.cout = c(320) + 4 * mid + c(192)

    def forward(self, x):
        y = self.branch3x3_1(x)
        z = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat([self.branch1x1(x), self.branch3x3_2a(y), self.branch3x3_2b(y),
                          self.branch3x3dbl_3a(z), self.branch3x3dbl_3b(z), self.branch_pool(avg3(x))], 1)


class InceptionAux(nn.Module):
    """torchvision's auxiliary head, which takes maps from 17x17 (images from 299x299). On smaller ones the pooling window
    shrinks to the map and the 5x5 convolution is padded by what it lacks; at 17 and above nothing changes."""

    def __init__(self, cin, c):
        super().__init__()
        self.conv0 = ConvBN(cin, c(128), 1)
        self.conv1 = ConvBN(c(128), c(768), 5)
        self.fc = nn.Linear(c(768), CLASSES)

    def forward(self, x):
        y = self.conv0(F.avg_pool2d(x, [min(5, s) for s in x.shape[2:]], 3))
        padding = [max(0, (6 - s) // 2) for s in y.shape[2:]]
        y = F.relu(self.conv1.bn(F.conv2d(y, self.conv1.conv.weight, padding=padding)))
        return self.fc(y.mean((2, 3)))


class Inception3(nn.Module):
    LEAST = 75  # below it nothing is left for Mixed_7a's stride

    def __init__(self, width, size):
        super().__init__()
        if min(size) < self.LEAST:
            raise ValueError(f"inception_v3 needs images of at least {self.LEAST}x{self.LEAST}, got {size[0]}x{size[1]}")
        c = partial(eights, width=width)
        self.Conv2d_1a_3x3 = ConvBN(3, c(32), 3, stride=2)
        self.Conv2d_2a_3x3 = ConvBN(c(32), c(32), 3)
        self.Conv2d_2b_3x3 = ConvBN(c(32), c(64), 3, padding=1)
        self.Conv2d_3b_1x1 = ConvBN(c(64), c(80), 1)
        self.Conv2d_4a_3x3 = ConvBN(c(80), c(192), 3)
        self.Mixed_5b = InceptionA(c(192), c, 32)
        self.Mixed_5c = InceptionA(self.Mixed_5b.cout, c, 64)
        self.Mixed_5d = InceptionA(self.Mixed_5c.cout, c, 64)
        self.Mixed_6a = InceptionB(self.Mixed_5d.cout, c)
        self.Mixed_6b = InceptionC(self.Mixed_6a.cout, c, 128)
        self.Mixed_6c = InceptionC(self.Mixed_6b.cout, c, 160)
        self.Mixed_6d = InceptionC(self.Mixed_6c.cout, c, 160)
        self.Mixed_6e = InceptionC(self.Mixed_6d.cout, c, 192)
        self.AuxLogits = InceptionAux(self.Mixed_6e.cout, c)
        self.Mixed_7a = InceptionD(self.Mixed_6e.cout, c)
        self.Mixed_7b = InceptionE(self.Mixed_7a.cout, c)
        self.Mixed_7c = InceptionE(self.Mixed_7b.cout, c)
        self.dropout = Drop(0.5, self.Mixed_7c.cout)
        self.fc = nn.Linear(self.Mixed_7c.cout, CLASSES)

    def forward(self, x):
        y = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        y = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(y, 3, 2)))
        y = F.max_pool2d(y, 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"):
            y = getattr(self, f"Mixed_{name}")(y)
        aux = {"aux_logits": self.AuxLogits(y)} if self.training else {}
        y = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(y)))
        return {"logits": self.fc(self.dropout(y.mean((2, 3)))), **aux}

    def initialise(self):
        # Truncated at +-2, which is 20 deviations: in effect a normal distribution. torchvision means 0.01 for the
        # auxiliary 5x5 convolution, but sets it where nobody reads it; 0.1 it is. Biases stay PyTorch's.
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.001 if m is self.AuxLogits.fc else 0.1)


# --- ResNeXt-50 32x4d (Xie et al. 2017), as torchvision's resnext50_32x4d -----------------------------------------

class Bottleneck(nn.Module):
    """1x1, grouped 3x3 (which has the stride), 1x1."""

    def __init__(self, cin, mid, cout, stride, groups):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, mid, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = nn.Conv2d(mid, mid, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = nn.Conv2d(mid, cout, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + shortcut)


class ResNeXt(nn.Module):
    """Width scales the number of groups, 32 at width 1; a group keeps its 4, 8, 16, 32 channels of the four layers."""

    def __init__(self, width):
        super().__init__()
        groups = max(1, nearest(32 * width))
        cin = eights(64, width)
        self.conv1 = nn.Conv2d(3, cin, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(cin)
        for i, blocks in enumerate((3, 4, 6, 3)):
            mid, cout = groups * 4 * 2**i, groups * 8 * 2**i
            layer = [Bottleneck(cin if j == 0 else cout, mid, cout, 2 if i > 0 and j == 0 else 1, groups) for j in range(blocks)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*layer))
            cin = cout
        self.fc = nn.Linear(cin, CLASSES)

    def forward(self, x):
        y = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return {"logits": self.fc(y.mean((2, 3)))}

    def initialise(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):  # the fan-out counts all output channels, whatever the groups
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")


# --- attention ----------------------------------------------------------------------------------------------------

def attend(q, k, v, bias=None):
    """softmax(q k^T / sqrt(D) + bias) v; q, k, v [..., T, D], bias [..., T, T] over [query, key]."""
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return torch.softmax(scores if bias is None else scores + bias, -1) @ v


def heads_apart(qkv, heads):
    """[B, T, 3 C], in the order q, k, v and within each head by head -> q, k, v, each [B, heads, T, C / heads]."""
    b, t, c3 = qkv.shape
    return qkv.reshape(b, t, 3, heads, c3 // 3 // heads).permute(2, 0, 3, 1, 4)


def heads_together(y):
    return y.transpose(1, 2).flatten(2)


def mlp(dim):
    """Linear, GELU (exact), Linear; numbered as in torchvision, whose dropout layers (p = 0) hold the gaps."""
    return nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Identity(), nn.Linear(4 * dim, dim))


# --- ViT-B/16 (Dosovitskiy et al. 2021), as torchvision's vit_b_16 ------------------------------------------------

class SelfAttention(nn.Module):
    """Named as PyTorch's MultiheadAttention."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = heads_apart(F.linear(x, self.in_proj_weight, self.in_proj_bias), self.heads)
        return self.out_proj(heads_together(attend(q, k, v)))


class EncoderBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim, eps=1e-6)
        self.self_attention = SelfAttention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = mlp(dim)

    def forward(self, x):
        x = x + self.self_attention(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    def __init__(self, tokens, dim, heads, blocks):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, dim))
        self.layers = nn.Sequential()
        for i in range(blocks):
            self.layers.add_module(f"encoder_layer_{i}", EncoderBlock(dim, heads))
        self.ln = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x):
        return self.ln(self.layers(x + self.pos_embedding))


class ViT(nn.Module):
    """12 heads of 64 channels and 12 blocks at width and depth 1. Tokens: the class token, then patches row by row."""
    PATCH = 16

    def __init__(self, width, depth, size):
        super().__init__()
        heads, dim = heads_at(12, 64, width)
        rows, columns = (s // self.PATCH for s in size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.conv_proj = nn.Conv2d(3, dim, self.PATCH, self.PATCH)
        self.encoder = Encoder(1 + rows * columns, dim, heads, max(1, nearest(12 * depth)))
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(dim, CLASSES))

    def forward(self, x):
        tokens = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], 1)
        return {"logits": self.heads(self.encoder(tokens)[:, 0])}

    def initialise(self):
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * self.PATCH**2)))
        nn.init.zeros_(self.conv_proj.bias)
        nn.init.normal_(self.encoder.pos_embedding, std=0.02)
        for block in self.encoder.layers:
            nn.init.xavier_uniform_(block.self_attention.in_proj_weight)  # as one matrix of C inputs and 3 C outputs
            nn.init.zeros_(block.self_attention.out_proj.bias)            # its weight stays PyTorch's
            for linear in (block.mlp[0], block.mlp[3]):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.normal_(linear.bias, std=1e-6)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)


def resize_positions(table, old, new):
    """A position embedding [1, 1 + h w, C] for another grid, as torchvision moves weights between image sizes (bicubic,
    corners aligned); the class token's row is kept. For loading weights; training at a size starts with its own table."""
    grid = table[:, 1:].transpose(1, 2).reshape(1, -1, *old)
    grid = F.interpolate(grid, size=new, mode="bicubic", align_corners=True)
    return torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], 1)


# --- Swin-T (Liu et al. 2021), as torchvision's swin_t ------------------------------------------------------------

WINDOW = 7
MASKED = -100.0


def relative_index():
    """[49, 49] over [query, key]: the row of the table of relative positions, (dy + 6) 13 + dx + 6, d = query - key."""
    at = torch.arange(WINDOW**2)
    y, x = at // WINDOW, at % WINDOW
    return (y[:, None] - y[None] + WINDOW - 1) * (2 * WINDOW - 1) + x[:, None] - x[None] + WINDOW - 1


def padded_to_windows(size):
    return -(-size // WINDOW) * WINDOW


def window_sources(h, w, shift):
    """[windows, 49] index y w + x of the pixel behind each token of each window, -1 for padding. Pixels are padded at the
    right and the bottom, moved up and left by shift = (sy, sx) around the border, then cut into windows, row by row."""
    ph, pw = padded_to_windows(h), padded_to_windows(w)
    y, x = (torch.arange(ph) + shift[0]) % ph, (torch.arange(pw) + shift[1]) % pw
    source = torch.where((y[:, None] < h) & (x[None] < w), y[:, None] * w + x[None], -1)
    return source.reshape(ph // WINDOW, WINDOW, pw // WINDOW, WINDOW).transpose(1, 2).reshape(-1, WINDOW**2)


def shift_mask(h, w, shift):
    """[windows, 49, 49]: MASKED where query and key were no neighbours before the shift, else 0. Padding is not masked."""
    def region(size, s):  # 0, 1, 2: before the last window, in it before the wrapped part, wrapped
        padded = padded_to_windows(size)
        at = torch.arange(padded)
        return (at >= padded - WINDOW).long() + (at >= padded - s) if s > 0 else torch.zeros(padded, dtype=torch.long)

    labels = region(h, shift[0])[:, None] * 3 + region(w, shift[1])[None]
    labels = labels.reshape(labels.shape[0] // WINDOW, WINDOW, -1, WINDOW).transpose(1, 2).reshape(-1, WINDOW**2)
    return MASKED * (labels[:, :, None] != labels[:, None, :]).double()


class WindowAttention(nn.Module):
    def __init__(self, dim, heads, shifted):
        super().__init__()
        self.heads, self.shifted = heads, shifted
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        """x [N, H, W, C]"""
        n, h, w, c = x.shape
        # no shift along a side that is a single window
        shift = [WINDOW // 2 if self.shifted and padded_to_windows(s) > WINDOW else 0 for s in (h, w)]
        source = window_sources(h, w, shift)
        # padding is zero before qkv, so a padded token's query, key and value are the biases; it is attended to like any other
        tokens = torch.cat([x.reshape(n, h * w, c), x.new_zeros(n, 1, c)], 1)[:, source].reshape(-1, WINDOW**2, c)
        q, k, v = heads_apart(self.qkv(tokens), self.heads)
        bias = self.relative_position_bias_table[relative_index()].permute(2, 0, 1)
        bias = bias + shift_mask(h, w, shift)[:, None].to(x.dtype)                  # [windows, heads, 49, 49]
        y = self.proj(heads_together(attend(q, k, v, bias.repeat(n, 1, 1, 1))))
        where = torch.empty(h * w, dtype=torch.long)                                # each pixel's token
        where[source[source >= 0]] = torch.arange(source.numel()).reshape(source.shape)[source >= 0]
        return y.reshape(n, -1, c)[:, where].reshape(n, h, w, c)


class SwinBlock(nn.Module):
    def __init__(self, dim, heads, shifted, drop):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-5)
        self.attn = WindowAttention(dim, heads, shifted)
        self.stochastic_depth = Drop(drop, 1, uses=2)
        self.norm2 = nn.LayerNorm(dim, eps=1e-5)
        self.mlp = mlp(dim)

    def forward(self, x):
        x = x + self.stochastic_depth(self.attn(self.norm1(x)), 0)
        return x + self.stochastic_depth(self.mlp(self.norm2(x)), 1)


class PatchMerging(nn.Module):
    """Each 2x2 pixels become one: channels of (0, 0), (1, 0), (0, 1), (1, 1) as (row, column), norm, Linear 4 C -> 2 C."""

    def __init__(self, dim):
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim, eps=1e-5)

    def forward(self, x):
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.reduction(self.norm(x))


class ToNHWC(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1)


class Swin(nn.Module):
    """3 heads of 32 channels in the first stage, twice as many in each next; 2, 2, 6, 2 blocks at depth 1."""
    DROP = 0.2  # of the last block; grows from 0 in equal steps

    def __init__(self, width, depth):
        super().__init__()
        heads, dim = heads_at(3, 32, width)
        blocks = [2, 2, max(2, 2 * nearest(3 * depth)), 2]  # pairs: without shift, with shift
        features = [nn.Sequential(nn.Conv2d(3, dim, 4, 4), ToNHWC(), nn.LayerNorm(dim, eps=1e-5))]
        done = 0
        for i, count in enumerate(blocks):
            if i > 0:
                features.append(PatchMerging(dim * 2 ** (i - 1)))
            features.append(nn.Sequential(*(SwinBlock(dim * 2**i, heads * 2**i, j % 2 == 1, self.DROP * (done + j) / (sum(blocks) - 1))
                                            for j in range(count))))
            done += count
        self.features = nn.Sequential(*features)
        self.norm = nn.LayerNorm(8 * dim, eps=1e-5)
        self.head = nn.Linear(8 * dim, CLASSES)

    def forward(self, x):
        return {"logits": self.head(self.norm(self.features(x)).mean((1, 2)))}

    def initialise(self):
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, WindowAttention):
                nn.init.trunc_normal_(m.relative_position_bias_table, std=0.02)


# --- SE and CBAM in MGA's places ----------------------------------------------------------------------------------

class Gate(nn.Module):
    """Linear C -> max(C / 16, 4), ReLU, Linear -> C; no biases (Hu et al.: without them on ResNets)."""

    def __init__(self, channels):
        super().__init__()
        hidden = max(channels // 16, 4)
        self.fc1 = nn.Linear(channels, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, channels, bias=False)

    def gate(self, pooled):
        return self.fc2(F.relu(self.fc1(pooled)))


class SE(Gate):
    """Squeeze-and-Excitation (Hu et al. 2018): y = f s, s = sigmoid(gate(mean of f over the pixels))."""

    def forward(self, f):
        return f * torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None]


class CBAM(Gate):
    """Convolutional Block Attention Module (Woo et al. 2018): f' = f c, c = sigmoid(gate(mean of f) + gate(maximum of f))
    over the pixels; y = f' s, s = sigmoid(conv7x7([mean of f'; maximum of f'])) over the channels."""

    def __init__(self, channels):
        super().__init__(channels)
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, f):
        c = self.gate(f.mean((2, 3))) + self.gate(f.flatten(2).max(2).values)
        f = f * torch.sigmoid(c)[:, :, None, None]
        maps = torch.stack([f.mean(1), f.max(1).values], 1)
        return f * torch.sigmoid(self.conv(maps))


class GatedNet(MGANet):
    """MGA-Net with SE or CBAM where its attention modules are: se.L0.fc1.weight, cbam.L0.conv.weight and so on. No module
    sees the mask, so both branches only share the sum of their losses."""

    def __init__(self, width, kind, at=(0, 1, 2, 3, 4)):
        super().__init__(width, "none")
        c = self.classifier.channels
        places = [(f"L{i}", c[i]) for i in at] if at != "every-block" else [
            ("L0", c[0])] + [(f"L{i + 1}_{j}", c[i + 1]) for i, n in enumerate((3, 4, 6, 3)) for j in range(n)]
        self.kind = kind
        setattr(self, kind, nn.ModuleDict({name: {"se": SE, "cbam": CBAM}[kind](channels) for name, channels in places}))

    def enhance(self, name, f, mask):
        modules = getattr(self, self.kind)
        return modules[name](f) if name in modules else f

    def initialise(self):
        pass


# --- building -----------------------------------------------------------------------------------------------------

DEPTHS = ("vit_b_16", "swin_t")
BACKBONES = ("vgg16_bn", "vgg16", "inception_v3", "resnext50_32x4d", "vit_b_16", "swin_t")
GATED = ("se", "cbam")


def build(model, width=1.0, depth=1.0, size=(224, 224), at=(0, 1, 2, 3, 4)):
    if any(s % 32 != 0 for s in size):
        raise ValueError(f"sizes are multiples of 32, got {size[0]}x{size[1]}")
    if depth != 1 and model not in DEPTHS:
        raise ValueError(f"{model} has no depth to scale")
    net = {
        "vgg16": lambda: VGG(width, False),
        "vgg16_bn": lambda: VGG(width, True),
        "inception_v3": lambda: Inception3(width, size),
        "resnext50_32x4d": lambda: ResNeXt(width),
        "vit_b_16": lambda: ViT(width, depth, size),
        "swin_t": lambda: Swin(width, depth),
        "se": lambda: GatedNet(width, "se", at),
        "cbam": lambda: GatedNet(width, "cbam", at),
    }[model]()
    net.initialise()
    number_drops(net, 0, False)
    return net


def losses_of(out, label, target=None):
    """Total first, then its terms: main and auxiliary; classification and segmentation; none where the total is one."""
    if "seg_logits" in out:
        return joint_loss(out, label, target)
    main = F.cross_entropy(out["logits"], label)
    if "aux_logits" not in out:
        return (main,)
    aux = F.cross_entropy(out["aux_logits"], label)
    return main + AUX * aux, main, aux


# --- writing cases ------------------------------------------------------------------------------------------------

def stir(net, gen):
    """Makes every parameter count. Initial values hide mistakes: a bias of 0 can be forgotten unnoticed, ViT's head of
    zeros sends no gradient back, weights of 0.02 make attention uniform. So what is nearly constant gets noise of 0.1, faint
    weights are brought to a gain of 1, embeddings of positions to 0.5; running statistics leave 0 and 1."""
    with torch.no_grad():
        for name, t in net.state_dict().items():
            if not t.is_floating_point():
                continue
            if name.endswith("running_var"):
                t.mul_(torch.exp(0.2 * torch.randn(t.shape, generator=gen, dtype=t.dtype)))
            elif t.numel() == 1 or t.std() < 1e-3:
                t.add_(0.1 * torch.randn(t.shape, generator=gen, dtype=t.dtype))
            elif name.endswith(("pos_embedding", "relative_position_bias_table")):
                t.mul_(0.5 / t.std())
            elif t.dim() > 1 and (gain := t.std() * math.sqrt(t[0].numel())) < 0.5:
                t.div_(gain)


def run(net, image, label, target=None, *, lr, steps=(("pretrain", 3), ("joint", 7))):
    """All results of a case: of one pass in training mode with gradients, of inference before training, of ten steps,
    of inference after them."""
    results = {}

    def keep_outputs(prefix, out):
        results.update({f"{prefix}.{name}": t for name, t in out.items()})

    net.eval()
    with torch.no_grad():
        keep_outputs("eval0", net(image))
    net.train()
    saved = copy.deepcopy(net.state_dict())
    net.rng["step"] = 1
    net.zero_grad()
    out = net(image)
    losses = losses_of(out, label, target)
    losses[0].backward()
    keep_outputs("train", out)
    results["train.loss"] = torch.stack(losses)
    results.update({f"grad.{name}": p.grad.clone() for name, p in net.named_parameters()})
    net.load_state_dict(saved)

    step_losses = []
    for stage, count in steps if target is not None else (("joint", sum(n for _, n in steps)),):
        alone = stage == "pretrain"
        adam = torch.optim.Adam(net.segmenter.parameters() if alone else net.parameters(), lr=lr)  # fresh state for a stage
        for k in range(count):
            net.rng["step"] = k + 1
            adam.zero_grad()
            loss = dice_loss(torch.sigmoid(net.segmenter(image)), target) if alone else losses_of(net(image), label, target)[0]
            loss.backward()
            adam.step()
            step_losses.append(loss.detach())
    results["steps.losses"] = torch.stack(step_losses)
    net.eval()
    with torch.no_grad():
        keep_outputs("eval", net(image))
    return {name: t.detach() for name, t in results.items()}


def masks_of(net, batch, steps):
    """What each drop keeps in each step, [steps, N, F] of 0 and 1, by its number."""
    drops = [m for m in net.modules() if isinstance(m, Drop) and m.p > 0]
    return {f"keep.{m.layer + use}": torch.stack([m.keep(batch, step, use) for step in range(1, steps + 1)]).int()
            for m in drops for use in range(m.uses)}


def make_case(*, model, seed, width, size, batch, depth=1.0, at=(0, 1, 2, 3, 4), dropout=False, lr=1e-4):
    """The network and the inputs of a case."""
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    gen = torch.Generator().manual_seed(seed + 1)
    h, w = size
    net = build(model, width, depth, size, at)
    number_drops(net, seed, dropout)
    stir(net, gen)
    image = smooth_noise(batch, 1, h, w, gen).repeat(1, 3, 1, 1)
    # three planes that differ, so that none can be taken for another; float32-exact, as are the parameters
    image = (image + 0.2 * torch.randn(batch, 3, h, w, generator=gen, dtype=torch.float64)).float().double()
    with torch.no_grad():
        for t in net.state_dict().values():
            if t.is_floating_point():
                t.copy_(t.float().double())
    label = torch.tensor([i % 2 for i in range(batch)])
    inputs = {"in.image": image, "in.label": label}
    if model in GATED:
        u = torch.rand(batch, 4, generator=gen, dtype=torch.float64)
        boxes = torch.stack([(0.05 + 0.3 * u[:, 0]) * w, (0.05 + 0.3 * u[:, 1]) * h, (0.55 + 0.4 * u[:, 2]) * w, (0.55 + 0.4 * u[:, 3]) * h], 1)
        boxes = boxes.float().double()
        inputs.update({"in.boxes": boxes, "in.target": ellipse_mask(boxes, h, w)})
    return net, inputs


def write_case(path, **case):
    net, inputs = make_case(**case)
    model, batch, lr, gated = case["model"], case["batch"], case.get("lr", 1e-4), case["model"] in GATED
    tensors = {**inputs, **{f"init.{k}": v.clone() for k, v in net.state_dict().items() if "num_batches" not in k}}
    results = run(net, inputs["in.image"], inputs["in.label"], inputs.get("in.target"), lr=lr)
    tensors.update(results)
    if case.get("dropout"):
        tensors.update(masks_of(net, batch, 10))
    grads = {k[5:]: t.norm().item() for k, t in results.items() if k.startswith("grad.")}
    none = [name for name, norm in grads.items() if norm < 1e-12 * max(grads.values())]  # zero but for rounding
    stages = dict(pretrain_steps=3, joint_steps=7) if gated else dict(steps=10)
    own = dict(fusion=model, at=case.get("at", (0, 1, 2, 3, 4)), alpha=0.5) if gated else dict(depth=case.get("depth", 1.0), aux_weight=AUX)
    drop = f"philox4x32-10, seed {case['seed']}" if case.get("dropout") else "off"
    meta = dict(model="mganet" if gated else model, seed=case["seed"], width=case["width"], height=case["size"][0], width_px=case["size"][1],
                batch=batch, lr=lr, **own, **stages, dropout=drop, zero_gradients=" ".join(none),
                adam="beta1 0.9, beta2 0.999, eps 1e-8", torch=torch.__version__)
    save_safetensors(path, tensors, meta)
    print(f"{path}: loss {results['train.loss'][0].item():.6f}, steps {[round(x.item(), 5) for x in results['steps.losses']]}, "
          f"{sum(p.numel() for p in net.parameters())} parameters, {path.stat().st_size / 1e6:.1f} MB")


def rel(a, b):
    """Relative L2 error of a against b."""
    a, b = a.double(), b.double()
    return ((a - b).norm() / b.norm().clamp_min(1e-300)).item()


class Watch(TorchDispatchMode):
    """Keeps what ReLUs are given and which element each maximum is."""

    def __init__(self):
        super().__init__()
        self.relu, self.maximum = [], []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        y = op(*args, **(kwargs or {}))
        name = op.overloadpacket.__name__
        if name == "relu":
            self.relu.append(args[0].detach().double())
        elif name in ("max_pool2d_with_indices", "max"):
            self.maximum.append(y[1])
        return y


def margin_of(net, single, image):
    """By how many times float32's largest error the ReLU input nearest to 0 is away from it, the least over all ReLUs; 0 if a
    maximum is another element. Where a ReLU turns, the gradient jumps by 1e-2: a case is sound when this is about 1 or more."""
    seen = []
    for model in (net, single):
        model.train()
        saved = copy.deepcopy(model.state_dict())
        with torch.no_grad(), Watch() as watch:
            model(image.to(next(model.parameters()).dtype))
        model.load_state_dict(saved)
        seen.append(watch)
    a, b = seen
    if not all(torch.equal(i, j) for i, j in zip(a.maximum, b.maximum)):
        return 0.0
    return min((x.abs().min() / (x - y).abs().max().clamp_min(1e-300)).item() for x, y in zip(a.relu, b.relu)) if a.relu else math.inf


def float32_error(**case):
    """How far float32 PyTorch is from float64 on a case: what can be asked of another implementation."""
    net, inputs = make_case(**case)
    single = copy.deepcopy(net).float()
    inputs32 = {k: t.float() if t.is_floating_point() else t for k, t in inputs.items()}
    lr, margin = case.get("lr", 1e-4), margin_of(net, single, inputs["in.image"])
    a = run(single, inputs32["in.image"], inputs["in.label"], inputs32.get("in.target"), lr=lr)
    b = run(net, inputs["in.image"], inputs["in.label"], inputs.get("in.target"), lr=lr)
    grads = [k for k in b if k.startswith("grad.")]
    whole = [torch.cat([r[k].flatten().double() for k in grads]) for r in (a, b)]
    largest = max(b[k].norm() for k in grads)
    steps = (a["steps.losses"].double() / b["steps.losses"] - 1).abs()
    return {"eval0": rel(a["eval0.logits"], b["eval0.logits"]), "train": rel(a["train.logits"], b["train.logits"]), "gradients": rel(*whole),
            "worst gradient": max((rel(a[k], b[k]) for k in grads if b[k].norm() > 1e-3 * largest)),
            "first 4 losses": steps[:4].max().item(), "10 losses": steps.max().item(), "eval": rel(a["eval.logits"], b["eval.logits"]), "margin": margin}


# --- cost ---------------------------------------------------------------------------------------------------------

def forward_flops(net, size):
    """FLOPs of inference on one image: two for each multiply-add of convolutions and matrix products, nothing else."""
    total = 0

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, op, types, args=(), kwargs=None):
            nonlocal total
            y = op(*args, **(kwargs or {}))
            name = op.overloadpacket.__name__
            if name == "convolution":
                total += 2 * y.numel() * args[1][0].numel()
            elif name in ("mm", "bmm", "addmm"):
                a, b = args[-2:]
                total += 2 * a.numel() * b.shape[-1]
            return y

    net.eval()
    with torch.no_grad(), Count():
        net(torch.zeros(1, 3, *size))
    return total


# Width and depth at which a 96x96 image costs about as much as with MGA-Net at width 1/4: the preset "quick".
QUICK = {"vgg16_bn": (3 / 16, 1), "inception_v3": (1 / 2, 1), "resnext50_32x4d": (5 / 16, 1), "vit_b_16": (1 / 4, 1 / 2), "swin_t": (1 / 3, 2 / 3),
         "se": (1 / 4, 1), "cbam": (1 / 4, 1)}


def cost_table():
    torch.set_default_dtype(torch.float32)

    def cost(net, size):
        return f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M | {forward_flops(net, size) / 1e9:.3f}"

    print("| model | quick: width, depth | parameters | GFLOP at 96x96 | full: parameters | GFLOP at 224x224 |\n| --- | --- | --- | --- | --- | --- |")
    small, large = (96, 96), (224, 224)
    print(f"| MGA-Net | 1/4 | {cost(MGANet(1 / 4), small)} | {cost(MGANet(1), large)} |")
    for model, (width, depth) in QUICK.items():
        scale = ", ".join(str(Fraction(v).limit_denominator(64)) for v in ((width, depth) if model in DEPTHS else (width,)))
        print(f"| {model} | {scale} | {cost(build(model, width, depth, small), small)} | {cost(build(model, 1, 1, large), large)} |")


# --- formulas of README.md, compared with PyTorch's own gradients by --selfcheck ----------------------------------

# The normal distribution function to 1e-7 in float32: an odd polynomial in the middle, exp(-x^2/2) times a polynomial in
# 1 / (1 + p |x|) outside (the form of Abramowitz & Stegun 26.2.17, after Hastings 1955); coefficients fitted for this file.
PHI_SPLIT, PHI_P = 1.25, 0.325
PHI_MIDDLE = (0.398942259, -0.0664899855, 0.00997150065, -0.00118270939, 0.000110327296, -6.64481805e-06)
PHI_TAIL = (0.129776976, 0.12761144, 0.130050183, 0.0381931525, 0.148986103, -0.0748529675)


def normal_cdf(x):
    """(Phi(x), phi(x)) as a shader computes them: numpy float32 in, float32 in every operation."""
    f = np.float32

    def horner(coefficients, v):
        y = f(coefficients[-1])
        for c in coefficients[-2::-1]:
            y = f(c) + v * y
        return y

    e = np.exp(f(-0.5) * x * x)
    t = f(1) / (f(1) + f(PHI_P) * np.abs(x))
    tail = e * (t * horner(PHI_TAIL, t))
    outside = np.where(x > 0, f(1) - tail, tail)
    return np.where(np.abs(x) < f(PHI_SPLIT), f(0.5) + x * horner(PHI_MIDDLE, x * x), outside), f(0.3989422804) * e


def mulhi(a, b):
    """The upper 32 bits of a b from 32-bit operations alone, as WGSL has no wider ones; uint32 arrays."""
    s, low = np.uint32(16), np.uint32(0xFFFF)
    middle = (a >> s) * (b & low) + ((a & low) * (b & low) >> s)
    return (a >> s) * (b >> s) + (middle >> s) + ((a & low) * (b >> s) + (middle & low) >> s)


def layer_norm_grads(x, gamma, dy, eps):
    xc = x - x.mean(-1, keepdim=True)
    rstd = ((xc * xc).mean(-1, keepdim=True) + eps).rsqrt()
    xhat, g = xc * rstd, dy * gamma
    dx = rstd * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
    return dx, (dy * xhat).flatten(0, -2).sum(0), dy.flatten(0, -2).sum(0)


def attention_grads(q, k, v, bias, dy):
    """dq, dk, dv and ds, the gradient of the scores, which is that of the bias before it is summed over what shares it."""
    scale = q.shape[-1] ** -0.5
    s = scale * q @ k.transpose(-2, -1) + bias
    e = torch.exp(s - s.amax(-1, keepdim=True))
    p = e / e.sum(-1, keepdim=True)
    d = (dy * (p @ v)).sum(-1, keepdim=True)  # sum over keys of p dp, from the outputs
    ds = p * (dy @ v.transpose(-2, -1) - d)
    return scale * ds @ k, scale * ds.transpose(-2, -1) @ q, p.transpose(-2, -1) @ dy, ds


def table_grad(ds):
    """Gradient [169, heads] of the table from ds [B, heads, 49, 49]: each row gathers the pairs at its distance."""
    total, side = ds.sum(0), 2 * WINDOW - 1
    rows = []
    for r in range(side * side):
        dy, dx = r // side - WINDOW + 1, r % side - WINDOW + 1
        keys = [(y, x) for y in range(max(0, -dy), min(WINDOW, WINDOW - dy)) for x in range(max(0, -dx), min(WINDOW, WINDOW - dx))]
        rows.append(sum(total[:, (y + dy) * WINDOW + x + dx, y * WINDOW + x] for y, x in keys))
    return torch.stack(rows)


def adaptive_pool_grad(dy, h, w):
    """dx [N, C, h, w]: pixel y lies in windows floor(y O / H) .. ceil((y + 1) O / H) - 1."""
    o = dy.shape[-1]

    def weights(size):
        m = torch.zeros(size, o, dtype=dy.dtype)
        for y in range(size):
            for i in range(y * o // size, -(-(y + 1) * o // size)):
                m[y, i] = 1 / (-(-(i + 1) * size // o) - i * size // o)
        return m

    return weights(h) @ dy @ weights(w).T


def check(what, error, most):
    print(f"  {what}: {error:.1e}")
    assert error <= most, f"{what}: {error} is above {most}"


def check_formulas():
    print("formulas")
    gen = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=gen, dtype=torch.float64).requires_grad_()

    def compare(what, y, inputs, dy, own):
        for name, a, b in zip(inputs, own, torch.autograd.grad(y, list(inputs.values()), dy)):
            check(f"{what} d{name}", rel(a, b), 1e-12)

    x, gamma, beta, dy = normal(3, 5, 24), normal(24), normal(24), normal(3, 5, 24).detach()
    compare("layer norm", F.layer_norm(x, (24,), gamma, beta, 1e-6), dict(x=x, gamma=gamma, beta=beta), dy, layer_norm_grads(x, gamma, dy, 1e-6))
    q, k, v, dy = normal(6, 2, 49, 8), normal(6, 2, 49, 8), normal(6, 2, 49, 8), normal(6, 2, 49, 8).detach()
    table = normal(169, 2)
    mask = shift_mask(14, 10, (3, 3))[:, None].repeat(2, 1, 1, 1)[:6]
    bias = table[relative_index()].permute(2, 0, 1) + mask
    own = attention_grads(q, k, v, bias, dy)
    compare("attention", attend(q, k, v, bias), dict(q=q, k=k, v=v, table=table), dy, (*own[:3], table_grad(own[3])))
    for h, w in ((3, 3), (2, 5), (7, 7), (14, 10)):
        x, dy = normal(2, 3, h, w), normal(2, 3, 7, 7).detach()
        compare(f"adaptive pool {h}x{w}", F.adaptive_avg_pool2d(x, 7), dict(x=x), dy, (adaptive_pool_grad(dy, h, w),))
    x, dy = normal(2, 3, 4, 6), normal(2, 3, 4, 6).detach()
    compare("average pool 3x3", avg3(x), dict(x=x), dy, (avg3(dy),))
    x32 = np.concatenate([np.linspace(-12, 12, 200001), np.linspace(-0.01, 0.01, 2001)]).astype(np.float32)
    x = torch.from_numpy(x32).double().requires_grad_()
    cdf, pdf = normal_cdf(x32)
    check("Phi, absolute, in float32", np.abs(cdf - torch.special.ndtr(x.detach()).numpy()).max(), 1e-7)
    y = F.gelu(x)
    dx, = torch.autograd.grad(y.sum(), x)
    check("GELU, relative L2, in float32", rel(torch.from_numpy(x32 * cdf), y.detach()), 1e-7)
    check("GELU dx, relative L2, in float32", rel(torch.from_numpy(cdf + x32 * pdf), dx), 1e-7)


# Known answers of Random123's kat_vectors; then what `kept` says: p = 0.5, two samples of 12 values, and p = 0.2, 16 samples.
PHILOX_KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
)
KEPT_KNOWN = (
    (dict(n=2, features=12, p=0.5, seed=1, step=1, layer=0), "110010011011000111010110"),
    (dict(n=2, features=12, p=0.5, seed=1, step=2, layer=0), "100011010010100110101001"),
    (dict(n=16, features=1, p=0.2, seed=7, step=450, layer=23), "1110101101111111"),
)


def check_random():
    print("random numbers")
    for counter, key, known in PHILOX_KNOWN:
        assert tuple(int(w) for w in philox4x32(counter, key)) == known, (counter, key)
    a, b = (np.random.default_rng(s).integers(0, 2**32, 100000, np.uint32) for s in (1, 2))
    a[:3], b[:3] = 0xFFFFFFFF, (0xFFFFFFFF, 0, 0x80000000)
    assert np.array_equal(mulhi(a, b), (a.astype(np.uint64) * b.astype(np.uint64) >> np.uint64(32)).astype(np.uint32))
    for case, known in KEPT_KNOWN:
        found = "".join("01"[int(k)] for k in kept(**case).flatten())
        assert found == known, (case, found)
    share = kept(1000, 1000, 0.2, seed=3, step=9, layer=2).double()
    check("share kept at p = 0.2, off by", abs(share.mean().item() - 0.8), 2e-3)
    print("  known answers: equal")


# --- comparison with torchvision ----------------------------------------------------------------------------------

def torchvision_models():
    """Ours and torchvision's with the input sizes to compare at; the narrow ones where torchvision's classes have the options."""
    from torchvision import models as tv
    vgg, many = dict(num_classes=CLASSES), dict(num_classes=CLASSES, weights=None)
    inception = dict(many, aux_logits=True, transform_input=False, init_weights=True)
    swin = partial(tv.SwinTransformer, [4, 4], window_size=[7, 7], stochastic_depth_prob=0.2, num_classes=CLASSES)
    vit = partial(tv.VisionTransformer, patch_size=16, num_classes=CLASSES)
    return {
        "vgg16": [((1, 1), lambda: tv.vgg16(weights=None, **vgg), [(224, 224), (96, 160)])],
        "vgg16_bn": [((1, 1), lambda: tv.vgg16_bn(weights=None, **vgg), [(224, 224), (96, 160)])],
        "inception_v3": [((1, 1), lambda: tv.inception_v3(**inception), [(299, 299), (224, 224), (96, 160)])],
        "resnext50_32x4d": [((1, 1), lambda: tv.resnext50_32x4d(**many), [(224, 224), (96, 160)])],
        "vit_b_16": [((1, 1), lambda: tv.vit_b_16(**many), [(224, 224)]),
                     ((1 / 4, 1 / 2), lambda: vit(image_size=96, num_layers=6, num_heads=3, hidden_dim=192, mlp_dim=768), [(96, 96)])],
        "swin_t": [((1, 1), lambda: tv.swin_t(**many), [(224, 224), (96, 160)]),
                   ((1 / 3, 2 / 3), lambda: swin(embed_dim=32, depths=[2, 2, 4, 2], num_heads=[1, 2, 4, 8]), [(96, 96), (96, 160), (128, 224)])],
    }


DERIVED = ("num_batches_tracked", "relative_position_index")  # in torchvision's state dict, not a state


def check_against(model, width, depth, theirs, sizes):
    from torchvision.ops import StochasticDepth
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float32)
    other = theirs()
    state = {k: v for k, v in other.state_dict().items() if not k.endswith(DERIVED)}
    ours = build(model, width, depth, (224, 224) if sizes[0][0] > 128 else sizes[0])
    mine = {k: v for k, v in ours.state_dict().items() if not k.endswith(DERIVED)}
    assert [*mine] == [*state], set(mine) ^ set(state)
    for name, p in mine.items():
        assert p.shape == state[name].shape, (name, p.shape, state[name].shape)
        check_distribution(f"{model} {name}", p, state[name])
    print(f"{model} at width {Fraction(width).limit_denominator(64)}, depth {Fraction(depth).limit_denominator(64)}: "
          f"{len(state)} names and shapes, {sum(p.numel() for p in ours.parameters()):,} parameters, initial distributions: equal")
    stir(other, torch.Generator().manual_seed(2))
    ours.load_state_dict(other.state_dict(), strict=False)
    del state, mine
    for m in other.modules():  # off on their side too
        if isinstance(m, (nn.Dropout, StochasticDepth)):
            m.p = 0.0
    for size in sizes:  # the large ones in float32
        compare_at(model, ours, other, size)


def compare_at(model, ours, other, size):
    """Logits in both modes; on small images in float64, and the gradients, too."""
    small = min(size) < 224
    dtype, most = (torch.float64, 1e-11) if small else (torch.float32, 1e-5)
    ours.to(dtype), other.to(dtype)
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype)
    label = torch.tensor([0, 1])
    if model == "inception_v3":  # torchvision's auxiliary head fails below 299x299: see InceptionAux
        other.AuxLogits.conv1.conv.padding = (1, 1) if size == (224, 224) else (0, 0)
        if small:
            other.AuxLogits = None
    for training in (False, True):
        ours.train(training), other.train(training)
        with torch.set_grad_enabled(training and small):
            a, b = ours(x), other(x)
        logits = b if torch.is_tensor(b) else b.logits
        check(f"{size[0]}x{size[1]} {'training' if training else 'inference'}: logits", rel(a["logits"], logits), most)
        if "aux_logits" in a and not small:
            check(f"{size[0]}x{size[1]} auxiliary logits", rel(a["aux_logits"], b.aux_logits), most)
    if small:
        for net, y in ((ours, a["logits"]), (other, logits)):
            net.zero_grad()
            F.cross_entropy(y, label).backward()
        mine, theirs = dict(ours.named_parameters()), dict(other.named_parameters())
        off, whole = (math.fsum(of(mine[name].grad, p.grad).square().sum().item() for name, p in theirs.items())
                      for of in (torch.sub, lambda _, b: b))
        check(f"{size[0]}x{size[1]} gradients", math.sqrt(off / whole), 1e-10)
        ours.zero_grad(), other.zero_grad()


def check_distribution(name, a, b):
    """Two draws of initial values: equal where constant, else equal in spread, and in shape (normal or uniform)."""
    if b.numel() == 1 or b.std() == 0:
        assert torch.equal(a, b), name
    elif b.numel() >= 1000:
        a, b = (t.flatten()[:: max(1, t.numel() // 100000)].double() for t in (a, b))
        assert abs(a.std() / b.std() - 1) < 4 / b.numel() ** 0.5, (name, a.std(), b.std())
        if b.numel() >= 10000:
            assert abs(a.abs().mean() / a.std() - b.abs().mean() / b.std()) < 0.03, name  # normal 0.798, uniform 0.866


def selfcheck(models):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    check_random()
    check_formulas()
    for model, variants in torchvision_models().items():
        for (width, depth), theirs, sizes in variants if model in models else ():
            check_against(model, width, depth, theirs, sizes)
    from collections import OrderedDict
    from torchvision.models.vision_transformer import interpolate_embeddings
    table = torch.randn(1, 1 + 14 * 14, 32)
    moved = interpolate_embeddings(96, 16, OrderedDict({"encoder.pos_embedding": table}))["encoder.pos_embedding"]
    check("positions moved to another size", rel(resize_positions(table, (14, 14), (6, 6)), moved), 1e-6)
    print("all equal")


# --- cases and commands -------------------------------------------------------------------------------------------

# A small one of each, 0.5 to 1.7 MB a file. The seeds are chosen: with most of them some ReLU's input is as near to 0 as
# float32 is off there (`margin_of`). Deep networks with batch norm at a few pixels are chaotic under steps of 1e-4: theirs are 1e-5.
SHORT = dict(lr=1e-5)
CASES = {
    "vgg16_bn-plain": dict(model="vgg16_bn", seed=3, width=1 / 64, size=(64, 64), batch=4),
    "vgg16-plain": dict(model="vgg16", seed=3, width=1 / 64, size=(64, 96), batch=3),
    "inception_v3-plain": dict(model="inception_v3", seed=35, width=1 / 64, size=(96, 128), batch=4, **SHORT),
    "resnext50_32x4d-2-groups": dict(model="resnext50_32x4d", seed=52, width=1 / 16, size=(64, 32), batch=6, **SHORT),
    "vit_b_16-plain": dict(model="vit_b_16", seed=18, width=1 / 24, depth=1 / 4, size=(64, 64), batch=4),
    "swin_t-dropout": dict(model="swin_t", seed=20, width=1 / 12, depth=1 / 3, size=(64, 64), batch=3, dropout=True),
    "mganet-se": dict(model="se", seed=7, width=1 / 32, size=(64, 64), batch=4),
    "mganet-cbam": dict(model="cbam", seed=7, width=1 / 32, size=(64, 64), batch=4, at=(0, 1, 3, 4)),
}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--selfcheck", action="store_true", help="compare with torchvision; with --model, that one alone")
    options.add_argument("--table", action="store_true", help="print parameters and FLOPs")
    options.add_argument("--float32", action="store_true", help="print how far float32 PyTorch is from float64 on the cases")
    options.add_argument("--out", type=Path, help="folder to write cases to: those of the list, or the one that the options below describe")
    options.add_argument("--case", nargs="+", choices=CASES, default=[*CASES], help="only these of the list")
    options.add_argument("--model", choices=BACKBONES + GATED)
    options.add_argument("--width", type=Fraction, default=Fraction(1, 16))
    options.add_argument("--depth", type=Fraction, default=Fraction(1), help="vit_b_16 and swin_t only")
    options.add_argument("--size", default="96x96", help="HxW, multiples of 32")
    options.add_argument("--batch", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--lr", type=float, default=1e-4)
    options.add_argument("--dropout", action="store_true", help="with dropout and stochastic depth, by Philox; stores the masks too")
    given = options.parse_args()
    if not (given.selfcheck or given.table or given.float32 or given.out):
        options.error("nothing to do: --selfcheck, --table, --float32 or --out DIR")
    if given.selfcheck:
        selfcheck([given.model] if given.model else BACKBONES)
    if given.table:
        cost_table()
    cases = {name: CASES[name] for name in given.case}
    if given.model:
        size = tuple(int(n) for n in given.size.split("x"))
        cases = {given.model: dict(model=given.model, seed=given.seed, width=float(given.width), depth=float(given.depth), size=size, batch=given.batch, lr=given.lr)}
    if given.dropout:
        cases = {name + "-dropout": dict(case, dropout=True) for name, case in cases.items()}
    if given.float32:
        for name, case in cases.items():
            print(name, ", ".join(f"{what} {error:.1e}" for what, error in float32_error(**case).items()))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        for name, case in cases.items():
            write_case(given.out / f"{name}.safetensors", **case)


if __name__ == "__main__":
    main()
