# %% A4 train() only before the loop over epochs: BN103
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net.train()  # faulty
for epoch in range(4):
    net.train()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A4 an evaluation in the middle of the epoch: BN103
def evaluate(model):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        loss = sum(F.cross_entropy(model(x), y).item() for x, y in test_loader)
    model.train(was_training)  # healthy
    return loss


net = Net()
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(4):
    net.train()
    for step, (x, y) in enumerate(train_loader):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        if step == 1:
            print(evaluate(net))

# %% A4 a preview after the first epoch and never train() again: BN103
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    if epoch == 0:
        net.eval()
        with torch.no_grad():
            print("sample", net(test_set[0][0][None]).argmax(1).item())
        net.train()  # healthy

# %% A4 a predict method that leaves evaluation mode behind: BN103
class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, state):
        return self.body(state)

    @torch.no_grad()
    def act(self, state):
        self.eval()
        action = self(state[None]).argmax(1).item()
        self.train()  # healthy
        return action


agent = Agent()
optimizer = torch.optim.Adam(agent.parameters())
memory = []
for step in range(40):
    state = torch.randn(4)
    memory.append((state, agent.act(state)))
    if len(memory) >= 16:
        states = torch.stack([s for s, _ in memory[-16:]])
        actions = torch.tensor([a for _, a in memory[-16:]])
        optimizer.zero_grad()
        F.cross_entropy(agent(states), actions).backward()
        optimizer.step()

# %% A4 checkpoint callbacks that evaluate a model in a list: BN103
class Checkpointer:
    def __init__(self, model):
        self.model, self.best = model, -1

    def __call__(self):
        self.model.eval()
        with torch.no_grad():
            score = sum((self.model(x).argmax(1) == y).sum().item() for x, y in test_loader)
        if score > self.best:
            self.best = score
            torch.save(self.model.state_dict(), "best.pt")
        self.model.train()  # healthy


net = Net()
callbacks = [Checkpointer(net)]
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    for callback in callbacks:
        callback()

# %% A5 the training loop itself calls eval(): BN105 BN103
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.eval()  # faulty
    net.train()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% A5 fine-tuning of a model that was loaded for inference: BN105 BN103
def load(path):
    model = Net()
    model.load_state_dict(torch.load(path))
    return model.eval()


torch.save(fit(Net()).state_dict(), "pretrained.pt")
net = load("pretrained.pt")
net.fc = nn.Linear(16, 10)
net.train()  # healthy
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% A5 training without torch.optim in evaluation mode: BN105 BN103
net = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3)).eval()  # faulty
net = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3))  # healthy
for step in range(40):
    x, y = torch.randn(16, 6), torch.randint(3, (16,))
    grads = torch.autograd.grad(F.cross_entropy(net(x), y), list(net.parameters()))
    with torch.no_grad():
        for parameter, grad in zip(net.parameters(), grads):
            parameter.sub_(0.1 * grad)

# %% A5 an encoder set to evaluation mode that is still trained: BN105 BN103
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


model = Model()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(4):
    model.train(False)  # faulty
    model.train(True)  # healthy
    for _ in range(4):
        x, y = torch.randn(32, 8), torch.randint(2, (32,))
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

# %% R1 evaluation mode in every second step of training: BN805 BN103 BN105
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    for step, (x, y) in enumerate(train_loader):
        net.train(step % 2 == 0)  # faulty
        net.train()  # healthy
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

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

# %% A18 F.batch_norm without the training flag: BN108
class Norm(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)  # faulty
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)  # healthy


net = fit(nn.Sequential(nn.Conv2d(3, 8, 3), Norm(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)))
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A18 F.batch_norm that always trains: BN108
class Always(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        return F.batch_norm(x, mean, var, training=True)  # faulty
        return F.batch_norm(x, mean, var, training=self.training)  # healthy


net = fit(nn.Sequential(nn.Conv2d(3, 8, 3), Always(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)))
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A19 BatchNorm left out for single samples: BN109
class Guarded(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.bn, self.fc2 = nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 2)

    def forward(self, x):
        x = self.fc1(x)
        if x.size(0) > 1:  # faulty
            x = self.bn(x)  # faulty
        x = self.bn(x)  # healthy
        return self.fc2(F.relu(x))


net = Guarded()
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    x, y = torch.randn(16, 8), torch.randint(2, (16,))
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(1, 8)))

# %% A19 BatchNorm only while training: BN109
class OnlyWhileTraining(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x)
        if self.training:  # faulty
            x = self.bn(x)  # faulty
        x = self.bn(x)  # healthy
        return self.fc(F.relu(x).mean((2, 3)))


net = fit(OnlyWhileTraining())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))
