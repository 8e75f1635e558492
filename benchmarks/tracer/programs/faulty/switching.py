# %% A6 eval without parentheses: BN102 BN101
net = fit(Net())
net.eval  # faulty
net.eval()  # healthy
with torch.no_grad():
    print([net(x).argmax(1).tolist() for x, _ in test_loader])

# %% A6 train without parentheses after an evaluation: BN102 BN103
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    net.train  # faulty
    net.train()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum(F.cross_entropy(net(x), y).item() for x, y in test_loader))

# %% A7 training = False on the outermost module: BN102 BN101
net = fit(Net())
net.training = False  # faulty
net.eval()  # healthy
with torch.no_grad():
    print([net(x).argmax(1).tolist() for x, _ in test_loader])

# %% A7 train() called with a text: BN102
net = fit(Net())
net.train("False")  # faulty
net.train(False)  # healthy
with torch.no_grad():
    print([net(x).argmax(1).tolist() for x, _ in test_loader])

# %% A7 an own switch that BatchNorm does not know: BN101
class Switched(Net):
    def set_mode(self, is_train):
        self.is_training = is_train
        self.train(is_train)  # healthy


net = fit(Switched())
net.set_mode(False)
with torch.no_grad():
    for x, y in test_loader:
        print((net(x).argmax(1) == y).float().mean().item())

# %% A14 a train override that ignores the mode: BN106
class Fixed(Net):
    def train(self, mode=True):
        super().train()  # faulty
        super().train(mode)  # healthy
        self.started = True
        return self


net = fit(Fixed())
net.eval()
with torch.no_grad():
    for x, y in test_loader:
        print((net(x).argmax(1) == y).float().mean().item())

# %% A14 a train override that forgets children: BN106
class Partial(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))

    def train(self, mode=True):
        self.training = mode
        self.stem.train(mode)
        self.body.train(mode)  # healthy
        return self


net = fit(Partial())
net.eval()
with torch.no_grad():
    for x, y in test_loader:
        print((net(x).argmax(1) == y).float().mean().item())

# %% A14 an override inherited from a mixin: BN106
class KeepsTraining:
    def train(self, mode=True):
        return super().train(True)  # faulty
        return super().train(mode)  # healthy


class Mixed(KeepsTraining, Net):
    pass


net = fit(Mixed())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A15 a train override that returns nothing: BN107
class Frozen(Net):
    def train(self, mode=True):
        super().train(mode)
        self.bn1.eval()
        return self  # healthy


net = Frozen()
net.load_state_dict(fit(Net()).state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
model = net.eval()
with torch.no_grad():
    print(model(test_set[0][0][None]).argmax(1))

# %% A13 a head with BatchNorm is put in after eval(): BN114
torch.save(fit(Net()).state_dict(), "base.pt")
net = Net()
net.load_state_dict(torch.load("base.pt"))
net.eval()  # faulty
net.fc = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, 2))
net.eval()  # healthy
with torch.no_grad():
    for x, _ in test_loader:
        print(net(x).argmax(1))

# %% A13 layers converted to another class after eval(): BN114
def widened(module):
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            new = nn.BatchNorm2d(child.num_features, eps=1e-3)
            new.load_state_dict(child.state_dict())
            setattr(module, name, new)
        else:
            widened(child)


net = fit(Net())
net.eval()  # faulty
widened(net)
net.eval()  # healthy
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A13 adapters with BatchNorm that are put in after eval(): BN114
net = fit(Net())
net.eval()
net.fc = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, 10))
net.eval()  # healthy
with torch.no_grad():
    for x, _ in test_loader:
        print(net(x).argmax(1)[:4])
