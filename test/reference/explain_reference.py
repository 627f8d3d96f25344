"""Grad-CAM, CAM and attention rollout of whole networks, in float64 PyTorch.

    python3 explain_reference.py            # every case
    python3 explain_reference.py NAME ...   # some of them

The networks of Grad-CAM and CAM are those of data/mganet-<case>.safetensors in evaluation mode: their initial weights and first two images, whose
ellipses are the mask (that of an untrained U-Net is almost the same everywhere, and scaling it to [0, 1] is ill-conditioned). The
classifier's batch normalisations, which are trivial before training, are drawn anew here and written down in
data/explain-<case>.safetensors, beside the maps of every scale, of both classes, before and after the enhancement.

Attention rollout is of a ViT whose parameters and images are hashes of their names and indices, which anyone can compute again: two
heads of 64 channels would be megabytes. They are so large that attention is far from uniform.
"""
import json
import struct
import sys
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from backbones_reference import ViT
from mganet_reference import CASES, MGANet, save_safetensors

DATA = Path(__file__).resolve().parent / "data"
DTYPES = {"F32": torch.float32, "I32": torch.int32}


def load_safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + k for k in entry["data_offsets"])
            out[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return out


def draw_batch_norms(net, gen):
    """Running statistics and affine parameters as a trained network has them; exact in float32. Returns them by name."""
    drawn = {}
    normal = lambda t: torch.randn(t.shape, generator=gen, dtype=torch.float64)
    uniform = lambda t: torch.rand(t.shape, generator=gen, dtype=torch.float64)
    with torch.no_grad():
        for name, module in net.named_modules():
            if name.startswith("classifier.") and isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.copy_(0.1 * normal(module.running_mean))
                module.running_var.copy_(0.3 + 0.7 * uniform(module.running_var))
                module.weight.copy_(0.4 + 0.6 * uniform(module.weight))
                module.bias.copy_(0.2 * normal(module.bias))
                for part in ("running_mean", "running_var", "weight", "bias"):
                    tensor = getattr(module, part)
                    tensor.copy_(tensor.float().double())
                    drawn[f"{name}.{part}"] = tensor.clone()
    return drawn


class Features(MGANet):
    """The same network, keeping each scale's features before their last enhancement and after it."""

    def enhance(self, name, f, mask):
        scale = name.split("_")[0]
        y = super().enhance(name, f, mask)
        # Names that are no module's leave the features as they are: of a pair L2_3, L2 the one that enhances counts.
        if name in self.mga or scale not in self.kept or "_" in name:
            self.kept[scale] = [f, y]
        return y

    def classify(self, x, mask):
        """forward() with a given mask."""
        self.kept = {}
        y = F.max_pool2d(self.enhance("L0", self.classifier.stem(x), mask), 3, 2, 1)
        for i in range(1, 5):
            for j, block in enumerate(getattr(self.classifier, f"layer{i}")):
                y = self.enhance(f"L{i}_{j}", block(y), mask)
            y = self.enhance(f"L{i}", y, mask)
        return self.fc(y.mean((2, 3)))


def maps(net, image, mask):
    """Keys gradcam.L<i>.<class>.before|after and cam.L4.<class>.before|after, each [N,1,h,w]; logits."""
    logits = net.classify(image, mask)
    result = {"logits": logits}
    for k in range(2):
        score = logits[:, k].sum()
        for scale, features in net.kept.items():
            for when, f in zip(("before", "after"), features):
                (g,) = torch.autograd.grad(score, f, retain_graph=True)
                a = g.mean((2, 3), keepdim=True)
                result[f"gradcam.{scale}.{k}.{when}"] = F.relu((a * f).sum(1, keepdim=True))
        for when, f in zip(("before", "after"), net.kept["L4"]):
            w = net.fc.weight[k][None, :, None, None]
            result[f"cam.L4.{k}.{when}"] = (w * f).sum(1, keepdim=True)
    return {key: t.detach() for key, t in result.items()}


def write_case(name):
    torch.set_default_dtype(torch.float64)
    setup = CASES[name]
    given = load_safetensors(DATA / f"mganet-{name}.safetensors")
    net = Features(setup["width"], setup["fusion"], setup["at"])
    state = {k[len("init."):]: t.double() for k, t in given.items() if k.startswith("init.")}
    net.load_state_dict(state, strict=False)
    net.eval()
    image, mask = given["in.image"][:2].double(), given["in.target"][:2].double()
    # A draw is taken when float32 agrees: then no input of a ReLU lies so close to its kink that roundings decide.
    for attempt in range(400):
        drawn = draw_batch_norms(net, torch.Generator().manual_seed(1000 * setup["seed"] + attempt))
        exact = maps(net, image, mask)
        torch.set_default_dtype(torch.float32)
        single = maps(net.float(), image.float(), mask.float())
        torch.set_default_dtype(torch.float64)
        net.double()
        errors = {k: float((single[k].double() - t).norm() / (t.norm() or 1)) for k, t in exact.items()}
        seen = [exact[f"gradcam.L{i}.{k}.after"][n].norm() > 0 for i in range(5) for k in range(2) for n in range(2)]
        if sum(seen) >= 13 and max(errors.values()) < 5e-6:
            break
    else:
        raise SystemExit(f"{name}: no draw on which float32 agrees: {max(errors.values())}, {sum(seen)} maps that show something")
    for key, t in exact.items():
        assert torch.isfinite(t).all(), key
    path = DATA / f"explain-{name}.safetensors"
    tensors = {**{f"state.{k}": t for k, t in drawn.items()}, **{f"out.{k}": t for k, t in exact.items()}}
    meta = {"case": name, "torch": torch.__version__, "float32_error": json.dumps({k: float(f"{e:.1e}") for k, e in errors.items()})}
    save_safetensors(path, tensors, meta)
    worst = max(errors, key=errors.get)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB, draw {attempt}, float32 within {errors[worst]:.1e} ({worst})")


# --- attention rollout ----------------------------------------------------------------------------------------------

ROLLOUT = dict(width=1 / 6, depth=1 / 4, size=(64, 96))  # two heads, three blocks, 4 x 6 patches
IMAGES = 3
MASK = 0xFFFFFFFF


def hashed(name, shape):
    """From -0.5 to 0.5, multiples of 2^-24: lowbias32 of the element's index times the golden ratio plus the FNV-1a hash of the name."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & MASK
    x = (torch.arange(torch.Size(shape).numel()) * 0x9E3779B9 + seed) & MASK
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return (((x ^ (x >> 16)) >> 8).double() / 2**24 - 0.5).reshape(shape)


def stirred(name, shape):
    """What a parameter holds. All factors are powers of two, so float32 holds it exactly."""
    if ".ln" in name and name.endswith("weight"):
        return 1 + hashed(name, shape) / 2
    factor = 1 / 8 if name == "conv_proj.weight" else 1 / 4 if ".mlp." in name else 2 if name in ("class_token", "encoder.pos_embedding") else 1 / 2
    return factor * hashed(name, shape)


def attention_weights(net, image):
    """Logits, and the weights [N, heads, T, T] of each block, by PyTorch's own MultiheadAttention."""
    weights = []

    def hook(module, inputs, output):
        (x,) = inputs
        mha = nn.MultiheadAttention(x.shape[-1], module.heads, batch_first=True).to(x.dtype)
        mha.load_state_dict(module.state_dict())
        y, w = mha(x, x, x, need_weights=True, average_attn_weights=False)
        assert torch.allclose(y, output, rtol=1e-4, atol=1e-4 * output.abs().max())
        weights.append(w)

    hooks = [block.self_attention.register_forward_hook(hook) for block in net.encoder.layers]
    logits = net(image)["logits"]
    for h in hooks:
        h.remove()
    return logits, weights


def rollout(weights, grid):
    """The class token's row of the product of (A + I) / 2 over the blocks, A the mean of the heads, without the class token."""
    product = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype)
    for w in weights:
        product = (w.mean(1) + torch.eye(w.shape[-1], dtype=w.dtype)) / 2 @ product
    assert torch.allclose(product.sum(-1), torch.ones((), dtype=product.dtype))
    return product[:, 0, 1:].reshape(-1, *grid)


def write_rollout():
    torch.set_default_dtype(torch.float64)
    net = ViT(**ROLLOUT)
    net.load_state_dict({name: stirred(name, t.shape) for name, t in net.state_dict().items()})
    image = 2 * hashed("image", (IMAGES, 3, *ROLLOUT["size"]))
    grid = [side // ViT.PATCH for side in ROLLOUT["size"]]

    def outputs(net, image):
        with torch.no_grad():
            logits, weights = attention_weights(net, image)
            return {"logits": logits, "rollout": rollout(weights, grid)}

    exact = outputs(net, image)
    single = outputs(net.float(), image.float())
    errors = {k: float((single[k].double() - t).norm() / t.norm()) for k, t in exact.items()}
    spread = exact["rollout"].flatten(1).max(1)[0] / exact["rollout"].flatten(1).min(1)[0]
    assert spread.min() > 3, f"attention is close to uniform: {spread}"
    path = DATA / "explain-rollout.safetensors"
    meta = {"case": "rollout", "torch": torch.__version__, "float32_error": json.dumps({k: float(f"{e:.1e}") for k, e in errors.items()})}
    meta.update({k: str(v) for k, v in ROLLOUT.items()})
    save_safetensors(path, {f"out.{k}": t for k, t in exact.items()}, meta)
    print(f"{path.name}: {path.stat().st_size / 1e3:.1f} kB, float32 within {max(errors.values()):.1e}, largest / smallest share {spread.min():.1f} and more")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in sys.argv[1:] or ("none", "parallel", "every-block", "rollout"):
        write_rollout() if case == "rollout" else write_case(case)
