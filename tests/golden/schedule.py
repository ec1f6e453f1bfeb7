"""Learning rates of timm's CosineLRScheduler as CHAMMI uses it, epochs 1 to 15, compared with the known table.

Cycle 15, floor 1e-6, warm-up of 3 epochs from 1e-5 without prefix, one cycle, stepped with the epoch's number
at its start.
"""

import json
import math

import torch
from timm.scheduler import CosineLRScheduler

from keep import HERE, VERSIONS

TABLE = {  # epoch: the printed rates for base rates 1e-3, 4e-4, 2e-4, 1e-4, to seven figures
    1: (3.400000e-4, 1.400000e-4, 7.333333e-5, 4.000000e-5),
    2: (6.700000e-4, 2.700000e-4, 1.366667e-4, 7.000000e-5),
    3: (9.046040e-4, 3.618989e-4, 1.809972e-4, 9.054634e-5),
    4: (8.347307e-4, 3.339916e-4, 1.670785e-4, 8.362197e-5),
    5: (7.502500e-4, 3.002500e-4, 1.502500e-4, 7.525000e-5),
    8: (4.482880e-4, 1.796466e-4, 9.009942e-5, 4.532584e-5),
    10: (2.507500e-4, 1.007500e-4, 5.075000e-5, 2.575000e-5),
    12: (9.639601e-5, 3.910111e-5, 2.000281e-5, 1.045366e-5),
    14: (1.191527e-5, 5.359554e-6, 3.174314e-6, 2.081694e-6),
    15: (1e-6, 1e-6, 1e-6, 1e-6),
}
BASES = (1e-3, 4e-4, 2e-4, 1e-4)

rates = {}
for column, base in enumerate(BASES):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    schedule = CosineLRScheduler(
        optimiser, t_initial=15, lr_min=1e-6, warmup_t=3, warmup_lr_init=1e-5, warmup_prefix=False, cycle_limit=1
    )
    values = []
    for epoch in range(1, 16):
        schedule.step(epoch)
        values.append(optimiser.param_groups[0]["lr"])
    for epoch, row in TABLE.items():
        assert math.isclose(values[epoch - 1], row[column], rel_tol=6e-7), (base, epoch, values[epoch - 1], row[column])
    rates[f"{base:g}"] = values

golden = {"made_by": "tests/golden/schedule.py", **VERSIONS, "epochs": list(range(1, 16)), "rates": rates}
rows = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items()]
(HERE / "schedule.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
print("agrees with the table in", len(TABLE) * len(BASES), "places")
