"""Times pairs of Swin blocks in PyTorch, as a peer of `npm run bench -- --backend webgpu`.

    python3 torch_pair.py [--device cuda|cpu] [--batches 1,8,32] [--repeats 20] [--json FILE]

The blocks are torchvision's SwinTransformerBlock, window 7, without and with shift, at the four stages of Swin-T; forward
without gradients, and forward and backward of the sum with the gradients of input and weights. Float32 with TF32 off,
TF32 (on a GPU), and bfloat16; eager and, from PyTorch 2 on, compiled. Times are medians, in milliseconds, on a GPU between
CUDA events. The device is the GPU where there is one.
"""

import argparse
import json
import platform
import statistics
import time

import torch
from torchvision.models.swin_transformer import SwinTransformerBlock

STAGES = [(56, 96, 3), (28, 192, 6), (14, 384, 12), (7, 768, 24)]


def time_on_gpu(run):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def time_on_cpu(run):
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def median_time(run, device, repeats):
    for _ in range(min(5, repeats)):
        run()
    time_one = time_on_gpu if device == "cuda" else time_on_cpu
    return statistics.median(time_one(run) for _ in range(repeats))


def pair(channels, heads, device, dtype):
    blocks = [SwinTransformerBlock(channels, heads, [7, 7], [shift, shift]) for shift in (0, 3)]
    return torch.nn.Sequential(*blocks).to(device, dtype)


def time_pair(stage, batch, device, dtype, compiled, repeats):
    size, channels, heads = stage
    model = pair(channels, heads, device, dtype)
    run_model = torch.compile(model) if compiled else model
    x = torch.randn(batch, size, size, channels, device=device, dtype=dtype, requires_grad=True)

    def forward():
        with torch.no_grad():
            run_model(x)

    def both():
        x.grad = None
        model.zero_grad(set_to_none=True)
        run_model(x).sum().backward()

    return {"forward": median_time(forward, device, repeats), "both": median_time(both, device, repeats)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json")
    options = parser.parse_args()
    device = options.device
    card = torch.cuda.get_device_name() if device == "cuda" else f"{platform.processor() or platform.machine()}, CPU"
    print(f"{card}, PyTorch {torch.__version__}")
    formats = [("f32", torch.float32, False), ("bf16", torch.bfloat16, False)]
    if device == "cuda":
        formats.insert(1, ("tf32", torch.float32, True))
    rows = []
    for name, dtype, tf32 in formats:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for batch in map(int, options.batches.split(",")):
            for stage in STAGES:
                for compiled in [False, True] if hasattr(torch, "compile") else [False]:
                    times = time_pair(stage, batch, device, dtype, compiled, options.repeats)
                    how = "compiled" if compiled else "eager"
                    what = f"pair {stage[0]}x{stage[0]}x{stage[1]}, batch {batch}, {name}, {how}"
                    line = f"forward {times['forward']:.3f} ms, forward and backward {times['both']:.3f} ms"
                    print(f"{what}: {line}", flush=True)
                    rows.append({"what": what, **times})
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"card": card, "torch": torch.__version__, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
