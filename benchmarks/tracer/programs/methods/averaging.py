# %% An exponential average of weights and buffers in a short run
net = Net()
ema = copy.deepcopy(net).eval()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(2):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(ema.state_dict().values(), net.state_dict().values()):
                a.copy_(0.9 * a + 0.1 * b if a.is_floating_point() else b)
    with torch.no_grad():
        print(sum((ema(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Monte Carlo dropout with dropout layers alone in training mode
net = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters())
inputs = torch.randn(256, 4)
for epoch in range(4):
    net.train()
    for x in inputs.split(32):
        optimizer.zero_grad()
        F.mse_loss(net(x), x.prod(1, keepdim=True)).backward()
        optimizer.step()


def enable_dropout(model):
    for module in model.modules():
        if module.__class__.__name__.startswith("Dropout"):
            module.train()


net.eval()
enable_dropout(net)
with torch.no_grad():
    samples = torch.stack([net(inputs[:16]) for _ in range(20)])
print(samples.mean(0), samples.std(0))

# %% SWA with update_bn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

net = Net()
averaged = AveragedModel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
scheduler = SWALR(optimizer, swa_lr=0.01)
for epoch in range(6):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    if epoch >= 3:
        averaged.update_parameters(net)
        scheduler.step()
update_bn(train_loader, averaged)
averaged.eval()
with torch.no_grad():
    print(sum((averaged(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Federated averaging: copies train on clients, parameters and buffers are averaged
server = Net()
for round_ in range(3):
    states = []
    for client in range(3):
        local = copy.deepcopy(server)
        fit(local, epochs=1)
        states.append(local.state_dict())
    mean = {
        name: torch.stack([state[name].float() for state in states]).mean(0).to(states[0][name].dtype)
        for name in states[0]
    }
    server.load_state_dict(mean)
    server.eval()
    with torch.no_grad():
        print(sum((server(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Snapshot ensemble: models of each cycle vote
snapshots = []
net = Net()
for cycle in range(3):
    fit(net, epochs=2)
    snapshots.append(copy.deepcopy(net).eval())
with torch.no_grad():
    for x, y in test_loader:
        votes = torch.stack([snapshot(x).softmax(1) for snapshot in snapshots]).mean(0)
        print((votes.argmax(1) == y).sum().item())
