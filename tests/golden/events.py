"""TensorBoard's own writer makes `events.tfevents`: what `src/export/record.rs` must write to the byte.

    pip install tensorboard; python tests/golden/events.py
"""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

POINTS = [
    ("loss", 0, 2.5, 1_700_000_000.0),
    ("loss", 1, 0.1, 1_700_000_000.25),
    ("loss/proxy_nca", 127, float("nan"), 1_700_000_001.0),
    ("lr", 128, float("inf"), 1_700_000_002.0),
    ("lr", 16_384, 0.0, 1_700_000_003.0),
    ("score/HPA/Task_one/f1_macro", 3_000_000_000, -1e-3, 1_700_000_004.125),
    ("µ", 1 << 62, 1e300, 1_700_000_005.0),
]


def main():
    with open(pathlib.Path(__file__).with_name("events.tfevents"), "wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for tag, step, value, wall_time in POINTS:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.write(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
        writer.flush()


main()
