"""The line protocol of the Python peers: a case comes in, the samples a second of one round go out.

A case is `units activation-free`: "2-8-1 32 f64 0.2" means that network at batch 32 in f64, for 0.2 s. All of them learn
by plain gradient descent: ReLU, sigmoid, cross-entropy, the cost of every step computed, as the engines do.
"""

import sys
import time

import numpy

ROWS = 4096


def rows(features, dtype):
    generator = numpy.random.default_rng(1)
    x = generator.standard_normal((ROWS, features)).astype(dtype)
    y = (generator.random((ROWS, 1)) < 0.5).astype(dtype)
    return x, y


def serve(prepare):
    """Answers cases from standard input; `prepare(units, batch, dtype)` gives a function that trains on x and y."""
    known = {}
    for line in sys.stdin:
        name, batch, precision, seconds = line.split()
        key = (name, batch, precision)
        if key not in known:
            units = [int(u) for u in name.split("-")]
            dtype = numpy.float32 if precision == "f32" else numpy.float64
            x, y = rows(units[0], dtype)
            size = int(batch)
            known[key] = prepare(units, size, dtype), [(x[k : k + size], y[k : k + size]) for k in range(0, ROWS, size)]
        step, batches = known[key]
        done, at, begin = 0, 0, time.perf_counter()
        while True:
            for _ in range(16):
                step(*batches[at])
                at = (at + 1) % len(batches)
            done += 16
            passed = time.perf_counter() - begin
            if passed > float(seconds):
                break
        print(done * int(batch) / passed, flush=True)
