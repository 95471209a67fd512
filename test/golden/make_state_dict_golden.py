#!/usr/bin/env python3
"""Writes whole state dicts of small Swin Transformers, buffers included, of torchvision, microsoft/Swin-Transformer and
HuCaoFighting/Swin-Unet.

Each output file is a safetensors file of what `state_dict()` gives, types as they are, for a network of 32x32 images, patches
of 2, width 8, two stages of two blocks with 1 and 2 heads, windows of 4, 3 classes: the second map is 8x8, so that both
stages have shifted windows. The Swin-Unet has patches of 4, width 4, four stages, windows of 2.

Run:  python3 make_state_dict_golden.py OUT_DIR MODELS_DIR NETWORKS_DIR
      (needs torch, torchvision, timm, einops and safetensors; MODELS_DIR is `models` of a clone of microsoft/Swin-Transformer,
      NETWORKS_DIR `networks` of one of HuCaoFighting/Swin-Unet)
"""
import sys
import torch
from safetensors.torch import save_file
from torchvision.models import swin_transformer as tv

out, models, networks = sys.argv[1:]
sys.path[:0] = [models, networks]
import swin_transformer as v1
import swin_transformer_v2 as v2
from swin_transformer_unet_skip_expand_decoder_sys import SwinTransformerSys

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
    "swin_unet": SwinTransformerSys(
        img_size=32, window_size=2, embed_dim=4, depths=[2, 2, 1, 1], num_heads=[1, 2, 2, 4], mlp_ratio=1.0, num_classes=3
    ),
}
for name, network in networks.items():
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, f"{out}/{name}.safetensors")
