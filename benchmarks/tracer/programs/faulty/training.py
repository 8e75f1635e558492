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

# %% A4 a profiler pass in the second epoch leaves evaluation mode on: BN103 BN105
net = Net()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
net.train()
for epoch in range(4):
    if epoch == 1:
        net.eval()
        with torch.no_grad():
            print(sum(net(x).abs().sum().item() for x, _ in test_loader))
        net.train()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
