"""The line protocol of the peers: a case comes in, the samples a second of one round go out.

A case is `mode units batch precision seconds`: "train 2-8-1 32 f64 0.2" trains that network at batch 32 in f64 for 0.2 s,
"predict …" asks it for outputs. All of them learn by plain gradient descent: ReLU, sigmoid, cross-entropy, the cost of
every step computed, as the engines do. The first line that goes out says what answers.
"""

import sys
import time

import numpy

ROWS = 4096
STEPS_AT_ONCE = 16


def rows(features, dtype):
    generator = numpy.random.default_rng(1)
    x = generator.standard_normal((ROWS, features)).astype(dtype)
    y = (generator.random((ROWS, 1)) < 0.5).astype(dtype)
    return x, y


def serve(name, prepare):
    """Answers cases from standard input; `prepare(units, batch, dtype)` gives two functions of x and y: to train, to predict."""
    print(name, flush=True)
    known = {}
    for line in sys.stdin:
        mode, network, batch, precision, seconds = line.split()
        key = (network, batch, precision)
        if key not in known:
            units = [int(u) for u in network.split("-")]
            dtype = numpy.float32 if precision == "f32" else numpy.float64
            x, y = rows(units[0], dtype)
            size = int(batch)
            known[key] = prepare(units, size, dtype), [(x[k : k + size], y[k : k + size]) for k in range(0, ROWS, size)]
        (train, predict), batches = known[key]
        step = train if mode == "train" else predict
        done, at, begin = 0, 0, time.perf_counter()
        while True:
            for _ in range(STEPS_AT_ONCE):
                step(*batches[at])
                at = (at + 1) % len(batches)
            done += STEPS_AT_ONCE
            passed = time.perf_counter() - begin
            if passed > float(seconds):
                break
        print(done * int(batch) / passed, flush=True)
