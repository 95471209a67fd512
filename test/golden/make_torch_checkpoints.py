#!/usr/bin/env python3
"""Writes small files of torch.save, and what a reader has to make of them.

Each NAME.pth has a twin NAME.safetensors with the same tensors, as float32 and row-major, under the names that are to be
found.  legacy.pth is a file of the format before torch 1.6, namedtuple.pth and module.pth hold classes; they have no twin.
bicubic.safetensors holds grids `in.<i>` [rows, columns, channels] and the results `out.<i>` of torch's bicubic interpolation.

Run:  python3 make_torch_checkpoints.py OUT_DIR     (needs torch >= 1.13 and torchvision)
"""
import collections, os, sys
import torch
from torch import nn
from torchvision.models import swin_transformer as tv
from save_safetensors import save_safetensors


Pair = collections.namedtuple("Pair", "a b")


def main(out):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(1)

    def write(name, saved, tensors, **options):
        torch.save(saved, f"{out}/{name}.pth", **options)
        if tensors is not None:
            save_safetensors(f"{out}/{name}.safetensors", tensors)

    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2, bias=False))
    state = net.state_dict()
    floats = dict(state)

    # A state dict alone: an OrderedDict with attributes; scalars, nothing at all, integers beside them.
    plain = collections.OrderedDict(state)
    plain._metadata = state._metadata
    plain["scalar"] = torch.tensor(2.5)
    plain["none"] = torch.zeros(0, 4)
    plain["index"] = torch.arange(6).reshape(2, 3)
    plain["mask"] = torch.tensor([True, False])
    write("state_dict", plain, {**floats, "scalar": plain["scalar"], "none": plain["none"]})
    write("protocol4", plain, {**floats, "scalar": plain["scalar"]}, pickle_protocol=4)

    # What training scripts save, of a model in DataParallel.
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    net(torch.randn(2, 3)).sum().backward()
    optimizer.step()
    state = {k: v.clone() for k, v in net.state_dict().items()}
    checkpoint = {
        "epoch": 3, "seed": 2**63 + 5, "loss": 0.25, "name": "run", "best": None, "done": False, "steps": [1, 2, 70000],
        "optimizer": optimizer.state_dict(),
        "model": collections.OrderedDict((f"module.{k}", v) for k, v in state.items()),
    }
    write("checkpoint", checkpoint, state)

    # Views: of one storage, with other strides, from within; and parameters.
    base = torch.randn(4, 6)
    grid = torch.randn(2, 3, 4)
    views = {
        "transposed": base.t(),
        "rows": base[1:3],
        "columns": base[:, 2:5],
        "steps": base[::2, ::3],
        "same": base,
        "permuted": grid.permute(2, 0, 1),
        "one": base[2, 3],
        "parameter": nn.Parameter(torch.randn(3)),
        "parameter_view": nn.Parameter(base.t()[1:4]),
    }
    expanded = torch.randn(3, 1).expand(3, 5)
    write("views", {**views, "expanded": expanded}, views)

    types = {
        "half": torch.randn(5).half(), "bfloat16": torch.randn(5).bfloat16(), "double": torch.randn(5).double(),
        "half_view": torch.randn(3, 4).half().t()[1:3],
    }
    write("types", {"state_dict": types}, types)

    # A whole network, as small as it goes.
    model = tv.SwinTransformer(patch_size=[2, 2], embed_dim=4, depths=[2, 2], num_heads=[1, 2], window_size=[2, 2], num_classes=3)
    for p in model.parameters():
        nn.init.normal_(p, std=0.5)
    state = model.state_dict()
    write("swin", {"model": state}, {k: v for k, v in state.items() if "index" not in k})

    torch.save(net.state_dict(), f"{out}/legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(net[1], f"{out}/module.pth")
    torch.save({"state_dict": floats, "pair": Pair(1, 2)}, f"{out}/namedtuple.pth")

    grids = {}
    for i, (rows, columns, channels, to) in enumerate([(3, 3, 2, (5, 5)), (5, 5, 1, (3, 3)), (4, 4, 3, (2, 6)), (7, 7, 1, (15, 15))]):
        x = torch.randn(rows, columns, channels)
        y = nn.functional.interpolate(x.permute(2, 0, 1)[None], size=to, mode="bicubic", align_corners=False)
        grids[f"in.{i}"] = x
        grids[f"out.{i}"] = y[0].permute(1, 2, 0)
    save_safetensors(f"{out}/bicubic.safetensors", grids)


main(sys.argv[1] if len(sys.argv) > 1 else ".")
