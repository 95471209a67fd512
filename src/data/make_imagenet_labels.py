#!/usr/bin/env python3
"""Writes imagenet_labels.ts from torchvision's list of ImageNet's class names.

The list is read as text: torch need not be installed.

Run:  python3 src/data/make_imagenet_labels.py TORCHVISION/models/_meta.py > src/data/imagenet_labels.ts
"""
import ast, sys, textwrap

HEADER = '''/**
 * The 1000 classes of ImageNet-1k (ILSVRC 2012) by short English names, in the order of the outputs of published networks.
 *
 * Made by make_imagenet_labels.py from torchvision 0.14, models/_meta.py, which is under the BSD 3-Clause licence:
 *
 *   Copyright (c) Soumith Chintala 2016, Facebook, Inc. and its affiliates. All rights reserved.
 *
 *   Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 *   following conditions are met: redistributions of source code must retain the above copyright notice, this list of
 *   conditions and the following disclaimer; redistributions in binary form must reproduce the above copyright notice,
 *   this list of conditions and the following disclaimer in the documentation and/or other materials provided with the
 *   distribution; neither the name of the copyright holder nor the names of its contributors may be used to endorse or
 *   promote products derived from this software without specific prior written permission.
 *
 *   THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
 *   INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 *   DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
 *   SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
 *   SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
 *   WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
 *   OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
 */
export const imagenetLabels: readonly string[] =
'''


def main(path):
    for node in ast.parse(open(path).read()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "_IMAGENET_CATEGORIES":
            names = ast.literal_eval(node.value)
    assert len(names) == 1000 and not any("," in name or "`" in name for name in names)
    lines = textwrap.wrap(", ".join(name.replace(" ", "_") for name in names), 116, break_on_hyphens=False)
    body = "\n".join(line.replace("_", " ") for line in lines)
    sys.stdout.write(HEADER + "  `" + body + "`.split(/,\\s/);\n")


main(sys.argv[1])
