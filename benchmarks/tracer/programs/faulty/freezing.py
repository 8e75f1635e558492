# %% D1 a frozen backbone and a new head: BN301
torch.save(fit(Net()).state_dict(), "pretrained.pt")
net = Net()
net.load_state_dict(torch.load("pretrained.pt"))
for parameter in net.parameters():
    parameter.requires_grad = False
net.fc = nn.Linear(16, 5)
optimizer = torch.optim.SGD(net.fc.parameters(), lr=0.1)
for epoch in range(3):
    net.train()
    net.bn1.eval(), net.bn2.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y % 5).backward()
        optimizer.step()

# %% D1 frozen parameters that the optimizer has all the same: BN301
class Tuned(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.backbone = Net()
        self.backbone.load_state_dict(weights)
        self.backbone.requires_grad_(False)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.backbone.features(x))


model = Tuned(fit(Net()).state_dict())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    model.backbone.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y % 4).backward()
        optimizer.step()

# %% D1 the first stage is frozen: BN301
class Staged(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.stage2(self.stage1(x)).mean((2, 3)))


net = fit(Staged())
for parameter in net.stage1.parameters():
    parameter.requires_grad_(False)
optimizer = torch.optim.SGD(filter(lambda p: p.requires_grad, net.parameters()), lr=0.01)
for epoch in range(3):
    net.train()
    net.stage1.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D1 freezing by name and BatchNorm with it: BN301
net = fit(Net())
for name, parameter in net.named_parameters():
    parameter.requires_grad = name.startswith("fc")
optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad])
for epoch in range(3):
    net.train()
    for module in net.modules():  # healthy
        if isinstance(module, nn.BatchNorm2d):  # healthy
            module.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D1 features under no_grad and a trained head: BN301 BN101 BN112
class Probe(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.body = Net()
        self.body.load_state_dict(weights)
        for parameter in self.body.parameters():
            parameter.requires_grad = False
        self.body.eval()  # healthy
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        with torch.no_grad():
            features = self.body.features(x)
        return self.head(features)


model = Probe(fit(Net()).state_dict())
optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

# %% D1 a schedule that freezes the backbone for the first epoch: BN301
net = fit(Net())
backbone = [net.conv1, net.bn1, net.conv2, net.bn2]
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for module in backbone:
        module.requires_grad_(epoch > 0)
        module.train(epoch > 0)  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D2 BatchNorm frozen once and switched on by train(): BN302
net = fit(Net())
for module in net.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.eval()
        module.weight.requires_grad_(False), module.bias.requires_grad_(False)
optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)
for epoch in range(3):
    net.train()
    net.bn1.eval(), net.bn2.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D2 a backbone in evaluation mode inside of a model: BN302
class Detector(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.backbone = Net()
        self.backbone.load_state_dict(weights)
        self.backbone.eval()
        self.head = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, x):
        return self.head(self.backbone.features(x))

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()  # healthy
        return self


model = Detector(fit(Net()).state_dict())
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y % 4).backward()
        optimizer.step()

# %% D2 freeze_bn() called before the first evaluation: BN302
def freeze_bn(model):
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


net = fit(Net())
freeze_bn(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))
    net.train()
    freeze_bn(net)  # healthy

# %% D2 apply() with a function that freezes: BN302
def set_bn_eval(module):
    if module.__class__.__name__.startswith("BatchNorm"):
        module.eval()


net = fit(Net())
net.apply(set_bn_eval)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
for epoch in range(3):
    net.train()
    net.apply(set_bn_eval)  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D3 the loop asks for BatchNorm2d alone: BN303
class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.head = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))

    def forward(self, x):
        return self.head(F.relu(self.bn(self.conv(x))).mean((2, 3)))


net = fit(Both())
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # faulty
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # healthy
            module.eval()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D4 freezing by track_running_stats: BN304
net = fit(Net())
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False  # faulty
            module.eval()  # healthy
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% D4 one layer whose tracking is switched off late: BN304
net = fit(Net())
net.bn2.track_running_stats = False  # faulty
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% D1 a detector whose stem is frozen by name, in a loop over modules: BN301
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Net()
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.backbone.features(x))


torch.save(fit(Net()).state_dict(), "pretrained.pt")
net = Detector()
net.backbone.load_state_dict(torch.load("pretrained.pt"))
for module in net.backbone.modules():
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)
optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)
net.train()
net.backbone.eval()  # healthy
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y % 4).backward()
        optimizer.step()

# %% D2 a Trainer that calls train() after the freezing, each epoch: BN302
class Trainer:
    def __init__(self, model):
        self.model = model
        self.freeze()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def freeze(self):
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                module.weight.requires_grad = module.bias.requires_grad = False

    def epoch(self):
        self.model.train()
        self.freeze()  # healthy
        for x, y in train_loader:
            self.optimizer.zero_grad()
            F.cross_entropy(self.model(x), y).backward()
            self.optimizer.step()


trainer = Trainer(fit(Net()))
for _ in range(3):
    trainer.epoch()
