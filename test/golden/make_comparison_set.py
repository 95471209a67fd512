#!/usr/bin/env python3
"""Writes about a hundred small checkpoints as their projects save them, each with what the project itself computes.

    NAME.safetensors, .pth or .bin   the checkpoint
    NAME.expected                    a safetensors file: "input", "output.<i>", "cotangent.<i>", "grad.input" and "grad.<name>" of
                                     sum(output * cotangent), in double precision; in the metadata's `config` the layout, the
                                     options of swinFromCheckpoint, and for what has to be refused the reason, a pattern

Compared by `npx tsx test/golden/compare_set.ts OUT_DIR`.

Run:  python3 make_comparison_set.py OUT_DIR [MODELS_DIR [NETWORKS_DIR]]
      (needs torch, timm, torchvision, transformers and safetensors; MODELS_DIR is `models` of a clone of microsoft/Swin-Transformer,
      NETWORKS_DIR `networks` of one of HuCaoFighting/Swin-Unet, which needs einops)
"""
import argparse, json, os, sys
import torch
from safetensors.torch import save_file
from make_published_golden import measured
from save_safetensors import save_safetensors

SMALL = dict(embed_dim=4, depths=[2, 2], num_heads=[1, 2], mlp_ratio=1.0)


class Set:
    def __init__(self, out):
        self.out, self.count = out, 0
        os.makedirs(out, exist_ok=True)
        if os.listdir(out):
            raise SystemExit(f"{out} must be empty: checkpoints of another run would be taken for those of this one")

    def checkpoint(self, name, state, how):
        """The ways in which training scripts save a state dict, in turn."""
        path = f"{self.out}/{name}"
        state = {key: value.clone().contiguous() for key, value in state.items()}
        if how == "safetensors":
            save_file(state, f"{path}.safetensors")
        elif how == "plain":
            torch.save(state, f"{path}.pth")
        elif how == "training":
            args = argparse.Namespace(lr=1e-3, name=name)
            torch.save({"epoch": 3, "args": args, "model": {f"module.{key}": t for key, t in state.items()}}, f"{path}.pth")
        elif how == "lightning":
            torch.save({"state_dict": {f"model.{key}": t for key, t in state.items()}, "callbacks": {}, "global_step": 5}, f"{path}.bin")
        elif how == "protocol4":
            torch.save(state, f"{path}.pth", pickle_protocol=4)
        elif how == "legacy":
            torch.save(state, f"{path}.pth", _use_new_zipfile_serialization=False)

    def add(self, name, module, size, config, run=lambda module, x: module(x), channels=3, how=None):
        ways = ["safetensors", "plain", "training", "lightning", "protocol4"]
        tensors = measured(module, (1, channels, *size), 100 + self.count, run)
        self.checkpoint(name, module.float().state_dict(), how or ways[self.count % len(ways)])
        self.count += 1
        save_safetensors(f"{self.out}/{name}.expected", tensors, {"config": json.dumps(config)})

    def refuse(self, name, state, reason, how="plain", **options):
        self.checkpoint(name, state, how)
        save_safetensors(f"{self.out}/{name}.expected", {}, {"config": json.dumps(dict(refused=reason, options=options))})


def timm_cases(cases):
    import timm
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2
    common = dict(patch_size=2, num_classes=3, drop_path_rate=0.0, **SMALL)
    for size in [(16, 16), (32, 32), (16, 32), (24, 24)]:
        for window in (2, 4):
            if any(side // 4 % window for side in size):
                continue
            for name, args in [("", {}), ("_bare", dict(qkv_bias=False, num_classes=0)), ("_odd", dict(depths=[1, 3]))]:
                module = SwinTransformer(img_size=size, window_size=window, **{**common, **args})
                cases.add(f"timm_v1{name}_{size[0]}x{size[1]}_w{window}", module, size, dict(layout="timm"))
            for name, args in [("", {}), ("_odd", dict(depths=[1, 3]))]:
                module = SwinTransformerV2(img_size=size, window_size=window, **{**common, **args})
                options = dict(windowSize=window, imageSize=list(size))
                cases.add(f"timm_v2{name}_{size[0]}x{size[1]}_w{window}", module, size, dict(layout="timm", options=options))
    for channels, patch in [(1, 2), (4, 4)]:
        module = SwinTransformer(img_size=32, window_size=4, **{**common, "patch_size": patch, "in_chans": channels})
        cases.add(f"timm_v1_channels{channels}", module, (32, 32), dict(layout="timm"), channels=channels)
    maps = lambda module, x: [y.permute(0, 3, 1, 2) for y in module(x)]
    for window in (2, 4):
        module = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, features_only=True, out_indices=(0, 1), img_size=16,
                                   window_size=window, **{**common, "num_classes": 0})
        cases.add(f"timm_features_w{window}", module, (16, 16), dict(layout="timm"), maps)
    state = SwinTransformerV2(img_size=16, window_size=4, **common).state_dict()
    cases.refuse("refused_timm_v2_window", state, "give windowSize")
    state = timm.create_model("vit_tiny_patch16_224", pretrained=False, depth=1).state_dict()
    cases.refuse("refused_vit", state, "names must be those of a Swin Transformer")
    cases.refuse("refused_legacy", SwinTransformer(img_size=16, window_size=4, **common).state_dict(), "since 1.6", how="legacy")


def transformers_cases(cases):
    import transformers as t
    common = dict(patch_size=2, window_size=4, num_labels=3, drop_path_rate=0.0, image_size=16, **SMALL)
    logits = lambda module, x: module(x).logits
    pooled = lambda module, x: module(x).pooler_output
    maps = lambda module, x: module(x).feature_maps
    for v, config, network, model, backbone in (
        ("v1", t.SwinConfig, t.SwinForImageClassification, t.SwinModel, t.SwinBackbone),
        ("v2", t.Swinv2Config, t.Swinv2ForImageClassification, t.Swinv2Model, t.Swinv2Backbone),
    ):
        told = {} if v == "v1" else dict(windowSize=4, imageSize=16)
        for size in [(16, 16), (18, 20), (17, 23), (32, 32)]:
            module = network(config(**common))
            cases.add(f"transformers_{v}_{size[0]}x{size[1]}", module, size, dict(layout="huggingface", options=told), logits)
        for size in [(16, 16), (20, 18)]:
            module = model(config(**common))
            cases.add(f"transformers_{v}_model_{size[0]}x{size[1]}", module, size, dict(layout="huggingface", options=told), pooled)
        module = network(config(**{**common, "qkv_bias": False}))
        cases.add(f"transformers_{v}_no_bias", module, (16, 16), dict(layout="huggingface", options=told), logits)
    # Its V2 has one position too many and does not run with them.
    module = t.SwinForImageClassification(t.SwinConfig(**common, use_absolute_embeddings=True))
    cases.add("transformers_v1_positions", module, (16, 16), dict(layout="huggingface", options=dict(imageSize=16)), logits)
    # The weights do not tell which stages come out: all.
    module = t.Swinv2Backbone(t.Swinv2Config(**common, out_features=["stage1", "stage2"]))
    cases.add("transformers_v2_backbone", module, (16, 16), dict(layout="huggingface", options=dict(windowSize=4, imageSize=16)), maps)


def torchvision_cases(cases):
    from torchvision.models import swin_transformer as tv
    blocks = dict(v1=(tv.SwinTransformerBlock, tv.PatchMerging), v2=(tv.SwinTransformerBlockV2, tv.PatchMergingV2))
    for v, (block, merging) in blocks.items():
        for window in ([4, 4], [7, 7], [2, 4]):
            for size in [(16, 16), (32, 32), (40, 36), (26, 34)]:
                module = tv.SwinTransformer(patch_size=[2, 2], window_size=window, num_classes=3, block=block, downsample_layer=merging, **SMALL)
                options = {} if window[0] == window[1] else dict(windowSize=window)
                name = f"torchvision_{v}_{size[0]}x{size[1]}_w{window[0]}x{window[1]}"
                cases.add(name, module, size, dict(layout="torchvision", options=options))


def microsoft_cases(cases, models):
    sys.path.insert(0, models)
    import swin_transformer as v1
    import swin_transformer_v2 as v2
    common = dict(patch_size=2, num_classes=3, drop_path_rate=0.0, **SMALL)
    for size, window in [(16, 4), (32, 4), (16, 8), (32, 2)]:
        for name, args in [("", {}), ("_positions", dict(ape=True)), ("_plain", dict(patch_norm=False, qkv_bias=False))]:
            module = v1.SwinTransformer(img_size=size, window_size=window, **common, **args)
            cases.add(f"microsoft_v1{name}_{size}_w{window}", module, (size, size), dict(layout="microsoft", options=dict(imageSize=size)))
            module = v2.SwinTransformerV2(img_size=size, window_size=window, **common, **args)
            cases.add(f"microsoft_v2{name}_{size}_w{window}", module, (size, size), dict(layout="microsoft", options=dict(imageSize=size)))
    module = v1.SwinTransformer(img_size=16, window_size=4, qk_scale=0.3, **common)
    cases.add("microsoft_v1_scale", module, (16, 16), dict(layout="microsoft", options=dict(qkScale=0.3)))
    module = v2.SwinTransformerV2(img_size=16, window_size=4, pretrained_window_sizes=[2, 2], **common)
    cases.add("microsoft_v2_pretrained", module, (16, 16), dict(layout="microsoft"))


def swin_unet_cases(cases, networks):
    sys.path.insert(0, networks)
    from swin_transformer_unet_skip_expand_decoder_sys import SwinTransformerSys
    for name, args in [("", {}), ("_positions", dict(ape=True)), ("_no_bias", dict(qkv_bias=False)), ("_channel", dict(in_chans=1))]:
        module = SwinTransformerSys(img_size=32, window_size=2, embed_dim=4, depths=[2, 2, 1, 1], num_heads=[1, 2, 2, 4], mlp_ratio=1.0,
                                    num_classes=3, drop_path_rate=0.0, **args)
        cases.add(f"swin_unet{name}", module, (32, 32), dict(layout="swin-unet", options=dict(imageSize=32)), channels=args.get("in_chans", 3))
    state = {"swinViT.patch_embed.proj.weight": torch.zeros(4, 1, 2, 2, 2), "swinViT.layers1.0.blocks.0.norm1.weight": torch.zeros(4)}
    cases.refuse("refused_swin_unetr", state, "MONAI's SwinUNETR")


def main(out, models=None, networks=None):
    torch.set_num_threads(1)  # Tensors this small gain nothing by more.
    cases = Set(out)
    timm_cases(cases)
    transformers_cases(cases)
    torchvision_cases(cases)
    if models is not None:
        microsoft_cases(cases, models)
    if networks is not None:
        swin_unet_cases(cases, networks)
    print(f"{len([name for name in os.listdir(out) if name.endswith('.expected')])} cases in {out}")


main(*sys.argv[1:4])
