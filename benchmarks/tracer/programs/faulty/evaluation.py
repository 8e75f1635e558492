# %% A1 validation under no_grad after each epoch: BN101
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    net.eval()  # healthy
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (net(x).argmax(1) == y).sum().item()
    print(epoch, correct)

# %% A1 a Trainer class whose evaluate forgets the mode: BN101
class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_epoch(self):
        self.model.train()
        for x, y in train_loader:
            self.optimizer.zero_grad()
            F.cross_entropy(self.model(x), y).backward()
            self.optimizer.step()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()  # healthy
        losses = [F.cross_entropy(self.model(x), y).item() for x, y in test_loader]
        return sum(losses) / len(losses)

    def run(self):
        for epoch in range(3):
            self.train_epoch()
            print(self.evaluate())


Trainer(Net()).run()

# %% A1 the final test with gradients switched on: BN101
net = fit(Net())
net.eval()  # healthy
correct, total = 0, 0
for x, y in test_loader:
    output = net(x)
    correct += (output.argmax(dim=1) == y).sum().item()
    total += y.size(0)
print("accuracy", correct / total)

# %% A1 a look at test data every few steps with gradients on: BN101
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
step = 0
for epoch in range(6):
    for x, y in train_loader:
        net.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        step += 1
        if step % 6 == 0:
            net.eval()  # healthy
            test_x, test_y = next(iter(test_loader))
            print(step, loss.item(), (net(test_x).argmax(1) == test_y).float().mean().item())

# %% A1 inference_mode instead of evaluation mode: BN101
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)


def validate(model):
    model.eval()  # healthy
    with torch.inference_mode():
        return sum(F.cross_entropy(model(x), y).item() for x, y in test_loader)


for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    print(validate(net))

# %% A1 a regression trained without torch.optim: BN101
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
inputs, targets = torch.randn(64, 4), torch.randn(64, 1)
for step in range(60):
    loss = F.mse_loss(net(inputs), targets)
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.05 * parameter.grad
net.eval()  # healthy
with torch.no_grad():
    print("test loss", F.mse_loss(net(torch.randn(20, 4)), torch.randn(20, 1)).item())

# %% A1 an own optimizer class and a validation with gradients off: BN101
class Momentum:
    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr
        self.velocity = [torch.zeros_like(p) for p in self.parameters]

    def step(self):
        for parameter, velocity in zip(self.parameters, self.velocity):
            velocity.mul_(0.9).add_(parameter.grad)
            parameter.data.add_(velocity, alpha=-self.lr)

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None


net = Net()
optimizer = Momentum(net.parameters(), 0.01)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()  # healthy
    with torch.no_grad():
        hits = sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader)
    print("epoch", epoch, "hits", hits)

# %% A1 early stopping on a helper named after batch normalization: BN101
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)


def update_subnet_scores(model):
    model.eval()  # healthy
    with torch.no_grad():
        return [F.cross_entropy(model(x), y).item() for x, y in test_loader]


best = float("inf")
for epoch in range(4):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    score = sum(update_subnet_scores(net))
    if score < best:
        best, weights = score, copy.deepcopy(net.state_dict())

# %% A1 a confusion matrix once training is over: BN101
net = Net()
net = fit(net, epochs=4)
net.eval()  # healthy
matrix = torch.zeros(10, 10)
with torch.no_grad():
    for x, y in test_loader:
        for truth, guess in zip(y, net(x).argmax(1)):
            matrix[truth, guess] += 1
print(matrix.diag().sum() / matrix.sum())

# %% A1 validation of an autoencoder: BN101
class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
        self.decoder = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
optimizer = torch.optim.Adam(model.parameters())
signal = torch.randn(128, 32)
for epoch in range(5):
    model.train()
    for batch in signal[:96].split(32):
        optimizer.zero_grad()
        F.mse_loss(model(batch), batch).backward()
        optimizer.step()
    model.eval()  # healthy
    with torch.no_grad():
        print(F.mse_loss(model(signal[96:]), signal[96:]).item())

# %% A3 train() copied into the validation loop: BN104 BN101
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for x, y in test_loader:
            net.train()  # faulty
            print(F.cross_entropy(net(x), y).item())

# %% A3 a phase loop that trains in both phases: BN104 BN101
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for phase, loader in {"train": train_loader, "val": test_loader}.items():
        net.train()  # faulty
        net.train(phase == "train")  # healthy
        for x, y in loader:
            with torch.set_grad_enabled(phase == "train"):
                loss = F.cross_entropy(net(x), y)
            if phase == "train":
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        print(phase, loss.item())

# %% A3 samples of Monte Carlo dropout in full training mode: BN104 BN101
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters())
inputs = torch.randn(128, 4)
for epoch in range(4):
    net.train()
    for batch in inputs.split(32):
        optimizer.zero_grad()
        F.mse_loss(net(batch), batch.sum(1, keepdim=True)).backward()
        optimizer.step()
net.train()  # faulty
net.eval()  # healthy
for module in net.modules():  # healthy
    if isinstance(module, nn.Dropout):  # healthy
        module.train()  # healthy
with torch.no_grad():
    samples = torch.stack([net(torch.randn(16, 4)) for _ in range(10)])
print(samples.std(0).mean())

# %% A3 test() puts the model in training mode: BN104 BN101
def train(model, optimizer):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


@torch.no_grad()
def test(model):
    model.train()  # faulty
    model.eval()  # healthy
    return sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)


net = Net()
sgd = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    train(net, sgd)
    print(test(net))

# %% A17 perplexity on validation data moves the statistics: BN101
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.conv = nn.Conv1d(16, 16, 3, padding=1)
        self.bn = nn.BatchNorm1d(16)
        self.out = nn.Linear(16, 50)

    def forward(self, tokens):
        x = self.embed(tokens).transpose(1, 2)
        return self.out(F.relu(self.bn(self.conv(x))).transpose(1, 2))


model = Tagger()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
    for _ in range(6):
        tokens = torch.randint(50, (8, 12))
        optimizer.zero_grad()
        F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
    model.eval()  # healthy
    with torch.no_grad():
        held_out = torch.randint(50, (8, 12))
        print(F.cross_entropy(model(held_out).flatten(0, 1), held_out.flatten()).exp().item())

# %% A1 a callback system whose validation hook forgets the mode: BN101
class Validate:
    def after_epoch(self, learner):
        learner.model.eval()  # healthy
        wrong = total = 0
        with torch.no_grad():
            for x, y in test_loader:
                wrong += (learner.model(x).argmax(1) != y).sum().item()
                total += len(y)
        learner.model.train()  # healthy
        print(f"error {wrong / total:.3f}")


class Learner:
    def __init__(self, model, callbacks):
        self.model, self.callbacks = model, callbacks
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def fit(self, epochs):
        self.model.train()
        for epoch in range(epochs):
            for x, y in train_loader:
                self.optimizer.zero_grad(set_to_none=True)
                F.cross_entropy(self.model(x), y).backward()
                self.optimizer.step()
            for callback in self.callbacks:
                callback.after_epoch(self)


Learner(Net(), [Validate()]).fit(3)

# %% A1 a generator of predictions that is consumed after training: BN101
def predictions(model, loader):
    model.eval()  # healthy
    for x, _ in loader:
        with torch.no_grad():
            yield model(x).argmax(1)


net = fit(Net(), epochs=4)
print(torch.cat(list(predictions(net, test_loader))).bincount(minlength=10))
