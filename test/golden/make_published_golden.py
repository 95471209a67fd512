#!/usr/bin/env python3
"""Writes small Swin Transformers of timm and transformers, and a Swin-Unet, with random weights, as reference tensors for the import.

Each NAME.safetensors holds every tensor of the state dict as "state.<name>", an image batch "input", the result "output"
(or "output.<i>"), a "cotangent" for each, and the gradients of sum(output * cotangent): "grad.input" and "grad.<name>" for every
parameter but those of V2's bias networks, which are large.  Computed in double precision.  The metadata has `config`: the package, and `options`,
what swinFromCheckpoint has to be told.

Run:  python3 make_published_golden.py OUT_DIR [NETWORKS_DIR]
      (needs torch, timm and transformers; NETWORKS_DIR is `networks` of a clone of HuCaoFighting/Swin-Unet, which needs einops)
"""
import json, os, sys
import torch
from save_safetensors import save_safetensors


def save(path, tensors, config):
    save_safetensors(path, tensors, {"config": json.dumps(config)})


def record(path, module, shape, config, run=lambda module, x: module(x)):
    tensors = measured(module, shape, len(path), run)
    for name, t in module.state_dict().items():
        tensors["state." + name] = t
    save(path, tensors, config)


def measured(module, shape, seed, run=lambda module, x: module(x)):
    """Gives the module random weights, and returns an image batch, results, cotangents and gradients by name."""
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in module.named_parameters():
            noise = torch.randn(p.shape, generator=gen)
            if name.endswith("logit_scale"):
                p.copy_(2.3 + 0.2 * noise)
            elif p.ndim == 1 and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            else:
                p.copy_(0.3 * noise)
    module.double().eval()
    x = torch.randn(*shape, generator=gen, dtype=torch.double, requires_grad=True)
    outputs = run(module, x)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    cotangents = [torch.randn(y.shape, generator=gen, dtype=torch.double) for y in outputs]
    sum((y * c).sum() for y, c in zip(outputs, cotangents)).backward()
    tensors = {"input": x, "grad.input": x.grad}
    for i, (y, c) in enumerate(zip(outputs, cotangents)):
        tensors[f"output.{i}"], tensors[f"cotangent.{i}"] = y, c
    for name, p in module.named_parameters():
        if p.grad is not None and "cpb_mlp" not in name and "continuous" not in name:
            tensors["grad." + name] = p.grad
    return tensors


def timm_cases(out):
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2
    import timm
    common = dict(patch_size=2, num_classes=3, embed_dim=4, depths=(2, 2), num_heads=(1, 2), mlp_ratio=1.0, drop_path_rate=0.0)
    v1 = {  # name: size, arguments, options
        "v1": ((16, 16), dict(window_size=4), {}),
        "v1_clamped": ((16, 16), dict(window_size=8), {}),
        "v1_wide": ((16, 32), dict(window_size=8), dict(windowSize=[[8, 8], [4, 8]])),
        "v1_rectangular": ((16, 32), dict(window_size=(2, 4)), dict(windowSize=[2, 4])),
        "v1_odd": ((16, 16), dict(window_size=4, depths=(1, 3)), {}),
        "v1_plain": ((16, 16), dict(window_size=4, qkv_bias=False, num_classes=0), {}),
        "v1_patch4": ((32, 32), dict(window_size=4, patch_size=4, in_chans=1), {}),
    }
    for name, (size, args, options) in v1.items():
        module = SwinTransformer(img_size=size, **{**common, **args})
        record(f"{out}/timm_{name}.safetensors", module, (1, args.get("in_chans", 3), *size), dict(package="timm", options=options))
    v2 = {
        "v2": ((16, 16), dict(window_size=4), dict(windowSize=4, imageSize=16)),
        "v2_clamped": ((16, 16), dict(window_size=8), dict(windowSize=8, imageSize=16)),
        "v2_wide": ((16, 32), dict(window_size=8), dict(windowSize=8, imageSize=[16, 32])),
        "v2_pretrained": ((16, 16), dict(window_size=8, pretrained_window_sizes=(4, 2)),
                          dict(windowSize=8, imageSize=16, pretrainedWindowSize=[[4, 4], [2, 2]])),
        "v2_odd": ((16, 16), dict(window_size=4, depths=(1, 1)), dict(windowSize=4, imageSize=16)),
    }
    for name, (size, args, options) in v2.items():
        module = SwinTransformerV2(img_size=size, **{**common, **args})
        record(f"{out}/timm_{name}.safetensors", module, (1, 3, *size), dict(package="timm", options=options))
    features = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, features_only=True, out_indices=(0, 1), img_size=16, patch_size=2,
                                 window_size=4, embed_dim=4, depths=(2, 2), num_heads=(1, 2), mlp_ratio=1.0, drop_path_rate=0.0)
    maps = lambda module, x: [y.permute(0, 3, 1, 2) for y in module(x)]
    record(f"{out}/timm_features.safetensors", features, (1, 3, 16, 16), dict(package="timm", backbone=True, options={}), maps)


def transformers_cases(out):
    import transformers as t
    common = dict(patch_size=2, embed_dim=4, depths=[2, 2], num_heads=[1, 2], mlp_ratio=1.0, window_size=4, image_size=16, num_labels=3, drop_path_rate=0.0)
    logits = lambda module, x: module(x).logits
    pooled = lambda module, x: module(x).pooler_output
    maps = lambda module, x: module(x).feature_maps
    for v, config, network, model, backbone in (
        ("v1", t.SwinConfig, t.SwinForImageClassification, t.SwinModel, t.SwinBackbone),
        ("v2", t.Swinv2Config, t.Swinv2ForImageClassification, t.Swinv2Model, t.Swinv2Backbone),
    ):
        told = {} if v == "v1" else dict(windowSize=4)
        # V1 is built for any size, V2 for one: where windows shift, transformers decides by the rows of that.
        for suffix, built, size in [("", 16, (16, 16)), ("_odd_size", 16, (18, 20)), ("_wide", (16, 32), (16, 32)), ("_tall", 16, (32, 16))]:
            module = network(config(**{**common, "image_size": built}))
            options = told if v == "v1" else {**told, "imageSize": built}
            record(f"{out}/transformers_{v}{suffix}.safetensors", module, (1, 3, *size), dict(package="transformers", options=options), logits)
        record(f"{out}/transformers_{v}_model.safetensors", model(config(**common)), (1, 3, 16, 16), dict(package="transformers", options=told), pooled)
        if v == "v1":  # Its windows shift on maps that one window covers, which no network here does.
            continue
        module = backbone(config(**common, out_features=["stage1", "stage2"]))
        record(f"{out}/transformers_{v}_backbone.safetensors", module, (1, 3, 16, 16), dict(package="transformers", backbone=True, options=told), maps)


def swin_unet_case(out, networks):
    sys.path.insert(0, networks)
    from swin_transformer_unet_skip_expand_decoder_sys import SwinTransformerSys
    # Four stages and patches of 4: its code works for no others. The maps are 8, 4, 2 and 1 wide.
    module = SwinTransformerSys(img_size=32, window_size=2, embed_dim=4, depths=[2, 2, 1, 1], num_heads=[1, 2, 2, 4], mlp_ratio=1.0,
                                num_classes=3, drop_path_rate=0.0)
    record(f"{out}/swin_unet.safetensors", module, (1, 3, 32, 32), dict(package="swin-unet", options=dict(imageSize=32)))


def main(out, networks=None):
    os.makedirs(out, exist_ok=True)
    timm_cases(out)
    transformers_cases(out)
    if networks is not None:
        swin_unet_case(out, networks)


if __name__ == "__main__":
    main(*sys.argv[1:3] or ["."])
