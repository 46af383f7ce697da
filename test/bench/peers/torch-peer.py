"""The network in PyTorch, as its tutorials write it, on one thread."""

import torch

from peer import serve

torch.set_num_threads(1)


def prepare(units, batch, dtype):
    torch.manual_seed(2)
    torch.set_default_dtype(torch.float32 if dtype.__name__ == "float32" else torch.float64)
    layers = []
    for i, u in zip(units, units[1:]):
        layers += [torch.nn.Linear(i, u), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    loss = torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def predict(x, _):
        with torch.no_grad():
            return torch.sigmoid(model(torch.from_numpy(x)))

    def train(x, y):
        optimizer.zero_grad()
        cost = loss(model(torch.from_numpy(x)), torch.from_numpy(y))
        cost.backward()
        optimizer.step()

    return train, predict


serve(f"PyTorch {torch.__version__}", prepare)
