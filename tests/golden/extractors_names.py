"""Names and shapes of the tensors of timm's networks off the shelf, without their heads.

Per model: numbers in its parameters (buffers are none), and the BLAKE3 hash of the lines `<name> <d0>x<d1>…\\n` of parameters
and running statistics, sorted bytewise; `num_batches_tracked` is left out.
"""

import json

import blake3
import timm

from keep import HERE, VERSIONS

MODELS = {"resnet18": "resnet18", "resnet50": "resnet50", "dinov2_vits14_reg": "vit_small_patch14_reg4_dinov2"}

models = {}
for name, theirs in MODELS.items():
    model = timm.create_model(theirs, pretrained=False, num_classes=0)
    tensors = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    lines = sorted(f"{k} {'x'.join(map(str, v.shape))}" for k, v in tensors.items())
    models[name] = {
        "parameters": sum(v.numel() for v in model.parameters()),
        "features": model.num_features,
        "blake3": blake3.blake3("".join(line + "\n" for line in lines).encode()).hexdigest(),
    }
    print(models[name], name)

golden = {"made_by": "tests/golden/extractors_names.py", **VERSIONS}
rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in {**golden, **models}.items()]
(HERE / "extractors_names.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
