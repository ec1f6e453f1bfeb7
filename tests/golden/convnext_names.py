"""Parameter names and shapes of timm's ConvNeXts without their heads.

Per model: number of tensors, number of parameters, and the BLAKE3 hash of the lines `<name> <d0>x<d1>…\\n` sorted
bytewise; for atto and tiny the lines themselves.
"""

import json

import blake3
import timm

from keep import HERE, VERSIONS

SIZES = ("atto", "femto", "pico", "nano", "tiny", "small", "base")
LISTED = ("atto", "tiny")

models = {}
for size in SIZES:
    model = timm.create_model(f"convnext_{size}", pretrained=False)
    named = {k: v for k, v in model.named_parameters() if not k.startswith("head.")}
    lines = sorted(f"{k} {'x'.join(map(str, v.shape))}" for k, v in named.items())
    assert not [k for k in model.state_dict() if k not in named and not k.startswith("head.")], "a buffer"
    models[f"convnext_{size}"] = {
        "tensors": len(lines),
        "parameters": sum(v.numel() for v in named.values()),
        "blake3": blake3.blake3("".join(line + "\n" for line in lines).encode()).hexdigest(),
        **({"lines": lines} if size in LISTED else {}),
    }
    print({k: v for k, v in models[f"convnext_{size}"].items() if k != "lines"}, size)

golden = {"made_by": "tests/golden/convnext_names.py", **VERSIONS}
rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in {**golden, **models}.items()]
(HERE / "convnext_names.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
