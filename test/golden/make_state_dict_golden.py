#!/usr/bin/env python3
"""Writes whole state dicts of small Swin Transformers, buffers included, of torchvision and of microsoft/Swin-Transformer.

Each output file is a safetensors file of what `state_dict()` gives, types as they are, for a network of 32x32 images, patches
of 2, width 8, two stages of two blocks with 1 and 2 heads, windows of 4, 3 classes: the second map is 8x8, so that both
stages have shifted windows.

Run:  python3 make_state_dict_golden.py OUT_DIR MODELS_DIR
      (needs torch, torchvision, timm and safetensors; MODELS_DIR is `models` of a clone of microsoft/Swin-Transformer)
"""
import sys
import torch
from safetensors.torch import save_file
from torchvision.models import swin_transformer as tv

out, models = sys.argv[1:]
sys.path.insert(0, models)
import swin_transformer as v1
import swin_transformer_v2 as v2

torch.manual_seed(0)
small = dict(embed_dim=8, depths=[2, 2], num_heads=[1, 2], num_classes=3)
ours = dict(img_size=32, patch_size=2, window_size=4, **small)
theirs = dict(patch_size=[2, 2], window_size=[4, 4], **small)
networks = {
    "torchvision_v1": tv.SwinTransformer(**theirs),
    "torchvision_v2": tv.SwinTransformer(
        block=tv.SwinTransformerBlockV2, downsample_layer=tv.PatchMergingV2, **theirs
    ),
    "microsoft_v1": v1.SwinTransformer(**ours),
    "microsoft_v2": v2.SwinTransformerV2(**ours),
}
for name, network in networks.items():
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, f"{out}/{name}.safetensors")
