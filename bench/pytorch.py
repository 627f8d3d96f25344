"""Times the benchmark's steps and inference of MGA-Net in PyTorch, in float32: what this project is measured against outside of WebGPU.

    python3 bench/pytorch.py                       # on the processor, by oneDNN
    python3 bench/pytorch.py --device cuda         # on a card; --tf32 lets it round products to 10 bits
    python3 bench/pytorch.py --filter inference --seconds 10

Prints a line of JSON for each: the median of the milliseconds of one step or image, their quartiles and number, and the memory layout
that is faster. Needs PyTorch; the network is test/reference/mganet_reference.py's.
"""
import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/reference"))
from mganet_reference import MGANet, joint_loss  # noqa: E402

# Name, width, pixels a side, images: as in bench/list.ts.
STEPS = [("step/quick", 0.25, 96, 8), ("step/width-1-128x128", 1.0, 128, 2), ("step/width-1-224x224", 1.0, 224, 2)]
INFERENCE = [(name.replace("step", "inference"), width, size, 1) for name, width, size, _ in STEPS]


def of_step(width, size, n, device, layout):
    """One joint step: forward, backward, Adam."""
    torch.manual_seed(0)
    net = MGANet(width).float().to(device).to(memory_format=layout).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    image = torch.randn(n, 3, size, size, device=device).to(memory_format=layout)
    label = torch.arange(n, device=device) % 2
    target = (torch.rand(n, 1, size, size, device=device) > 0.5).float()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss, _, _ = joint_loss(net(image), label, target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def of_inference(width, size, n, device, layout):
    """Class and mask of an image that is on the device."""
    torch.manual_seed(0)
    net = MGANet(width).float().to(device).to(memory_format=layout).eval()
    image = torch.randn(n, 3, size, size, device=device).to(memory_format=layout)

    @torch.no_grad()
    def infer():
        out = net(image)
        return out["logits"].softmax(1)[0, 1].item(), torch.sigmoid(out["seg_logits"]).cpu()

    return infer


def timed(run, seconds):
    """Milliseconds of each run, after three that do not count."""
    for _ in range(3):
        run()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        begun = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - begun))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of the processor (default: PyTorch's)")
    parser.add_argument("--tf32", action="store_true", help="let a card round products to TensorFloat-32")
    parser.add_argument("--filter", default="", help="only names that contain this")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement (default 5)")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.processor() or platform.machine()
    setup = {"pytorch": torch.__version__, "device": name, "threads": torch.get_num_threads(), "tf32": options.tf32}
    print(json.dumps(setup), flush=True)
    for make, benchmarks in ((of_step, STEPS), (of_inference, INFERENCE)):
        for what, width, size, n in benchmarks:
            if options.filter not in what:
                continue
            layouts = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
            times = {key: timed(make(width, size, n, options.device, layout), options.seconds) for key, layout in layouts.items()}
            layout = min(times, key=lambda key: statistics.median(times[key]))
            low, median, high = statistics.quantiles(times[layout], n=4)
            result = {"name": what, "batch": n, "median_ms": round(median, 2), "quartiles_ms": [round(low, 2), round(high, 2)]}
            print(json.dumps({**result, "runs": len(times[layout]), "layout": layout}), flush=True)


if __name__ == "__main__":
    main()
