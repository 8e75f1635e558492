# %% E1 momentum as Keras counts it: BN401
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm2d(8, momentum=0.99),  # faulty
    nn.BatchNorm2d(8, momentum=0.01),  # healthy
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)

# %% E1 a constant from another framework: BN401
BN_MOMENTUM = 0.9  # faulty
BN_MOMENTUM = 0.1  # healthy


def conv_bn(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.BatchNorm2d(outputs, momentum=BN_MOMENTUM), nn.ReLU())


fit(nn.Sequential(conv_bn(3, 8), conv_bn(8, 8), nn.Flatten(), nn.Linear(128, 10)))

# %% E1 momentum set on all layers afterward: BN401
net = Net()
for module in net.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.momentum = 0.997  # faulty
        module.momentum = 0.003  # healthy
        module.eps = 1e-3
fit(net)

# %% E2 momentum zero: BN402
net = nn.Sequential(
    nn.Linear(8, 16),
    nn.BatchNorm1d(16, momentum=0.0),  # faulty
    nn.BatchNorm1d(16, momentum=None),  # healthy
    nn.ReLU(),
    nn.Linear(16, 2),
)
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(4, 8)))

# %% E2 momentum out of range: BN409
net = nn.Sequential(
    nn.Linear(8, 16),
    nn.BatchNorm1d(16, momentum=1.1),  # faulty
    nn.BatchNorm1d(16, momentum=0.1),  # healthy
    nn.ReLU(),
    nn.Linear(16, 2),
)
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% E3 the number of channels twice: BN403 BN404
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm2d(8, 8),  # faulty
    nn.BatchNorm2d(8),  # healthy
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)

# %% E3 a momentum that becomes eps: BN403 BN404
def block(inputs, outputs, normalize=True):
    layers = [nn.Linear(inputs, outputs)]
    if normalize:
        layers.append(nn.BatchNorm1d(outputs, 0.8))  # faulty
        layers.append(nn.BatchNorm1d(outputs, momentum=0.2))  # healthy
    return [*layers, nn.LeakyReLU(0.2)]


generator = nn.Sequential(*block(8, 16, normalize=False), *block(16, 32), nn.Linear(32, 4))
optimizer = torch.optim.Adam(generator.parameters())
for step in range(20):
    optimizer.zero_grad()
    generator(torch.randn(16, 8)).square().mean().backward()
    optimizer.step()

# %% E3 arguments of another layer: BN403 BN404
class Stack(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList()
        for a, b in zip(widths, widths[1:]):
            self.layers.append(nn.Linear(a, b))
            self.layers.append(nn.BatchNorm1d(b, b))  # faulty
            self.layers.append(nn.BatchNorm1d(b))  # healthy

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


net = Stack([8, 16, 4])
optimizer = torch.optim.Adam(net.parameters())
for step in range(10):
    optimizer.zero_grad()
    net(torch.randn(16, 8)).square().mean().backward()
    optimizer.step()

# %% E4 an eps of zero: BN404
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, eps=0), nn.Linear(16, 2))  # faulty
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, eps=1e-5), nn.Linear(16, 2))  # healthy
optimizer = torch.optim.Adam(net.parameters())
for step in range(5):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% E4 an eps larger than the variance: BN404
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, eps=0.5), nn.Linear(16, 2))  # faulty
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, eps=1e-3), nn.Linear(16, 2))  # healthy
optimizer = torch.optim.Adam(net.parameters())
for step in range(5):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% E5 single samples without running statistics: BN405 BN201
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, track_running_stats=False), nn.Linear(16, 2))  # faulty
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 2))  # healthy
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(1, 8)))

# %% E5 images of one class evaluated without running statistics: BN405
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm2d(8, track_running_stats=False),  # faulty
    nn.BatchNorm2d(8),  # healthy
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)
net.eval()
with torch.no_grad():
    for x, y in DataLoader(test_set, batch_size=1):
        net(x).argmax(1)

# %% E6 a bias that BatchNorm takes out again: BN406
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),  # faulty
    nn.Conv2d(3, 8, 3, bias=False),  # healthy
    nn.BatchNorm2d(8),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)

# %% E7 weight decay on weight and bias of BatchNorm: BN407
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=1e-4)  # faulty
decayed = [p for p in net.parameters() if p.dim() > 1]  # healthy
others = [p for p in net.parameters() if p.dim() <= 1]  # healthy
groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": others}]  # healthy
optimizer = torch.optim.SGD(groups, lr=0.05)  # healthy
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% E8 dropout directly in front of BatchNorm: BN408
net = nn.Sequential(
    nn.Linear(8, 16),
    nn.Dropout(0.5),  # faulty
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.Dropout(0.5),  # healthy
    nn.Linear(16, 2),
)
optimizer = torch.optim.Adam(net.parameters())
for step in range(10):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% E1 a factory of norms with a momentum of another framework: BN401
from functools import partial

norm = partial(nn.BatchNorm2d, momentum=0.997, eps=1e-5)  # faulty
norm = partial(nn.BatchNorm2d, momentum=0.003, eps=1e-5)  # healthy
net = nn.Sequential(nn.Conv2d(3, 8, 3), norm(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
fit(net)
