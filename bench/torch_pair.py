"""Times pairs of Swin blocks in PyTorch, as a peer of `npm run bench -- --backend webgpu`.

    python3 torch_pair.py [--batches 1,8,32] [--repeats 20] [--json FILE]

The blocks are torchvision's SwinTransformerBlock, window 7, without and with shift, at the four stages of Swin-T; forward
without gradients, and forward and backward of the sum with the gradients of input and weights. Float32 with TF32 off,
TF32, and bfloat16; eager and compiled. Times are medians, in milliseconds, between CUDA events.
"""

import argparse
import json
import statistics

import torch
from torchvision.models.swin_transformer import SwinTransformerBlock

STAGES = [(56, 96, 3), (28, 192, 6), (14, 384, 12), (7, 768, 24)]


def median_time(run, repeats):
    for _ in range(5):
        run()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def pair(channels, heads, dtype):
    blocks = [SwinTransformerBlock(channels, heads, [7, 7], [shift, shift]) for shift in (0, 3)]
    return torch.nn.Sequential(*blocks).to("cuda", dtype)


def time_pair(size, channels, heads, batch, dtype, compiled, repeats):
    model = pair(channels, heads, dtype)
    run_model = torch.compile(model) if compiled else model
    x = torch.randn(batch, size, size, channels, device="cuda", dtype=dtype, requires_grad=True)

    def forward():
        with torch.no_grad():
            run_model(x)

    def both():
        x.grad = None
        model.zero_grad(set_to_none=True)
        run_model(x).sum().backward()

    return {"forward": median_time(forward, repeats), "both": median_time(both, repeats)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json")
    options = parser.parse_args()
    card = torch.cuda.get_device_name()
    print(f"{card}, PyTorch {torch.__version__}")
    rows = []
    for name, dtype, tf32 in (("f32", torch.float32, False), ("tf32", torch.float32, True), ("bf16", torch.bfloat16, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for batch in map(int, options.batches.split(",")):
            for size, channels, heads in STAGES:
                for compiled in (False, True):
                    times = time_pair(size, channels, heads, batch, dtype, compiled, options.repeats)
                    how = "compiled" if compiled else "eager"
                    what = f"pair {size}x{size}x{channels}, batch {batch}, {name}, {how}"
                    print(f"{what}: forward {times['forward']:.3f} ms, forward and backward {times['both']:.3f} ms", flush=True)
                    rows.append({"what": what, **times})
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"card": card, "torch": torch.__version__, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
