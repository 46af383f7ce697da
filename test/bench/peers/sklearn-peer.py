"""scikit-learn's MLPClassifier, fed by partial_fit; its L2 is turned off. It has one precision for data and weights: theirs."""

import numpy
import sklearn
from sklearn.neural_network import MLPClassifier

from peer import serve


def prepare(units, batch, dtype):
    model = MLPClassifier(
        hidden_layer_sizes=tuple(units[1:-1]),
        solver="sgd",
        learning_rate_init=0.01,
        momentum=0,
        alpha=0,
        batch_size=batch,
    )
    classes = numpy.array([0, 1])
    model.partial_fit(numpy.zeros((2, units[0]), dtype), classes, classes)

    def predict(x, _):
        return model.predict_proba(x)

    def train(x, y):
        model.partial_fit(x, y.ravel().astype(int))

    return train, predict


serve(f"scikit-learn {sklearn.__version__}", prepare)
