"""The network in NumPy, as one writes it by hand: whole arrays, results into the same memory where that is plain to do."""

import numpy

from peer import serve

RATE = 0.01


def prepare(units, batch, dtype):
    generator = numpy.random.default_rng(2)
    layers = [
        (
            (generator.standard_normal((i, u)) * numpy.sqrt(2 / i)).astype(dtype),
            numpy.zeros(u, dtype),
        )
        for i, u in zip(units, units[1:])
    ]
    rate = dtype(RATE)

    def forward(x):
        activations = [x]
        for weights, biases in layers[:-1]:
            activations.append(numpy.maximum(activations[-1] @ weights + biases, 0))
        weights, biases = layers[-1]
        z = activations[-1] @ weights + biases
        e = numpy.exp(-numpy.abs(z))
        return activations, z, e, numpy.where(z < 0, e, 1) / (1 + e)

    def predict(x, _):
        return forward(x)[3]

    def train(x, y):
        activations, z, e, a = forward(x)
        cost = (numpy.maximum(z, 0) - z * y + numpy.log1p(e)).sum() / len(x)
        delta = (a - y) / dtype(len(x))
        for l in range(len(layers) - 1, -1, -1):
            weights, biases = layers[l]
            below = delta @ weights.T * (activations[l] > 0) if l > 0 else None
            weights -= rate * (activations[l].T @ delta)
            biases -= rate * delta.sum(0)
            delta = below
        return cost

    return train, predict


serve(f"NumPy {numpy.__version__}", prepare)
