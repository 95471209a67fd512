#!/usr/bin/env python3
"""Trains a small Swin Transformer of timm by torch.optim.AdamW for 20 steps, as a reference of our own training.

OUT_DIR/timm_adamw.safetensors holds the state dict before the first step as "state.<name>", the "images" of two batches, the
classes of each image as "labels", and in the metadata's `config` the losses of the 20 steps, the rates, and which parameters
decay leaves alone.  The batches come in turn; the loss is the mean cross-entropy.  Computed in double precision.

Run:  python3 make_training_golden.py OUT_DIR     (needs torch and timm)
"""
import json, os, sys
import torch
from torch import nn
from timm.models.swin_transformer import SwinTransformer
from save_safetensors import save_safetensors

STEPS, BATCH, CLASSES, SIZE = 20, 4, 3, 16
RATES = dict(lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)


def main(out):
    os.makedirs(out, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(5)
    net = SwinTransformer(img_size=SIZE, patch_size=2, window_size=4, num_classes=CLASSES, embed_dim=8, depths=(2, 2), num_heads=(1, 2),
                          mlp_ratio=2.0, drop_path_rate=0.0).double().train()
    with torch.no_grad():
        for p in net.parameters():
            # Values of float32, so that both sides begin with the same ones.
            p.copy_((p + 0.1 * torch.randn(p.shape, dtype=torch.double)).float())
    state = {"state." + name: t.clone() for name, t in net.state_dict().items()}
    images = torch.randn(2, BATCH, 3, SIZE, SIZE).double()
    labels = torch.randint(CLASSES, (2, BATCH))
    # As timm's param_groups_weight_decay, with what the network says in no_weight_decay.
    kept = net.no_weight_decay()
    free = [name for name, p in net.named_parameters() if p.ndim <= 1 or any(word in name for word in kept)]
    groups = [
        {"params": [p for name, p in net.named_parameters() if name not in free]},
        {"params": [p for name, p in net.named_parameters() if name in free], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, **RATES)
    losses = []
    for step in range(STEPS):
        loss = nn.functional.cross_entropy(net(images[step % 2]), labels[step % 2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    config = dict(losses=losses, rates=RATES, free=free)
    save_safetensors(f"{out}/timm_adamw.safetensors", {**state, "images": images, "labels": labels}, {"config": json.dumps(config)})


main(sys.argv[1] if len(sys.argv) > 1 else ".")
