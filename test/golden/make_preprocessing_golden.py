#!/usr/bin/env python3
"""Writes reference images for resizing and preprocessing, from Pillow and torchvision's transforms.

  preprocessing_resize.safetensors    input, and <bilinear|bicubic>.<H>x<W> for each size, byte values [H, W, 3]
  preprocessing_<name>.safetensors    input [h, w, 3] byte values, output [3, H, W] of
                                      Resize(floor(imageSize / cropFraction), BICUBIC), CenterCrop, ToTensor, Normalize
  ../images/cmyk.jpg                  a CMYK JPEG: left half cyan, right half yellow

Tensors are float32; the configuration of the second kind is the file's metadata.

Run:  python3 make_preprocessing_golden.py OUT_DIR     (needs torch, torchvision >= 0.14 and Pillow)
"""
import math, os, sys
import numpy, torch
from PIL import Image
from torchvision import transforms
from make_torchvision_golden import save

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def picture(height, width, seed):
    """Slopes, noise, and black next to white, where bicubic resizing leaves the range of a byte."""
    noise = numpy.random.RandomState(seed).randint(0, 60, (height, width, 3))
    y, x = numpy.mgrid[0:height, 0:width]
    slopes = numpy.stack([x * 190 // width, y * 190 // height, (x + y) * 190 // (width + height)], axis=2)
    image = slopes + noise
    image[height // 4:height // 2, width // 4:width // 2] = 255
    image[height // 2:3 * height // 4, width // 4:width // 2] = 0
    return image.astype(numpy.uint8)


def main(out):
    bytes_of = lambda image: torch.from_numpy(numpy.asarray(image).copy())
    pixels = picture(40, 30, 1)
    tensors = {"input": bytes_of(pixels)}
    for name, method in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
        for height, width in ((17, 23), (61, 45), (40, 11), (13, 30), (9, 67), (1, 1)):
            resized = Image.fromarray(pixels).resize((width, height), method)
            tensors[f"{name}.{height}x{width}"] = bytes_of(resized)
    save(f"{out}/preprocessing_resize.safetensors", tensors, {"kind": "resize"})

    cases = [  # name, height, width, image size, share kept by the crop
        ("landscape", 50, 71, 32, 0.9),
        ("portrait", 64, 37, 32, 0.875),
        ("enlarged", 20, 27, 33, 0.9),
        ("whole", 48, 40, 24, 1.0),
    ]
    for i, (name, height, width, size, share) in enumerate(cases):
        pixels = picture(height, width, 10 + i)
        steps = transforms.Compose([
            transforms.Resize(math.floor(size / share), interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ])
        tensors = {"input": bytes_of(pixels), "output": steps(Image.fromarray(pixels))}
        save(f"{out}/preprocessing_{name}.safetensors", tensors, {"imageSize": size, "cropFraction": share})

    os.makedirs(f"{out}/../images", exist_ok=True)
    cmyk = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    cmyk.paste((0, 0, 255, 0), (8, 0, 16, 16))
    cmyk.save(f"{out}/../images/cmyk.jpg", quality=95)


main(sys.argv[1] if len(sys.argv) > 1 else "torchvision")
