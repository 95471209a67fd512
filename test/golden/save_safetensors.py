"""A safetensors file of float32 tensors, sorted by name: what every script beside this one writes."""
import json, struct
import torch


def save_safetensors(path, tensors, metadata=None):
    """Writes `tensors`, by name, as float32; `metadata`, texts by name, where there are any."""
    header, blobs, at = {"__metadata__": metadata} if metadata else {}, [], 0
    for name in sorted(tensors):
        t = tensors[name].detach().to(torch.float32).contiguous()
        raw = t.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        blobs.append(raw)
        at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
