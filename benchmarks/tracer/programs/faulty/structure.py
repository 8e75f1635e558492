# %% F1 layers in a Python list: BN501
class Stack(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.norms = [nn.BatchNorm1d(width) for _ in range(depth)]  # faulty
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(depth))  # healthy

    def forward(self, x):
        for linear, norm in zip(self.linears, self.norms):
            x = F.relu(norm(linear(x)))
        return x


net = Stack(8, 3)
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    net(torch.randn(16, 8)).square().mean().backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(16, 8)).mean())

# %% F1 one norm for each domain in a dict: BN501
class DomainNorm(nn.Module):
    def __init__(self, width, domains):
        super().__init__()
        self.norms = {domain: nn.BatchNorm2d(width) for domain in domains}  # faulty
        self.norms = nn.ModuleDict({domain: nn.BatchNorm2d(width) for domain in domains})  # healthy

    def forward(self, x, domain):
        return self.norms[domain](x)


class Adapted(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 8, 3), DomainNorm(8, ["photo", "sketch"]), nn.Linear(8, 10)

    def forward(self, x, domain):
        return self.fc(F.relu(self.norm(self.conv(x), domain)).mean((2, 3)))


net = Adapted()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        (F.cross_entropy(net(x, "photo"), y) + F.cross_entropy(net(x * 2, "sketch"), y)).backward()
        optimizer.step()
net.eval()
with torch.no_grad():
    for x, y in test_loader:
        print((net(x, "sketch").argmax(1) == y).float().mean().item())

# %% F1 a list that grows in the constructor: BN501
class Encoder(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.blocks = []  # faulty
        self.blocks = nn.ModuleList()  # healthy
        for a, b in zip(widths, widths[1:]):
            self.blocks.append(nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()))
        self.fc = nn.Linear(widths[-1], 10)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


net = fit(Encoder([3, 8, 16]))
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% F2 a layer built in forward: BN502
class PerCall(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc, self.out = nn.Linear(8, width), nn.Linear(width, 2)
        self.norm = nn.BatchNorm1d(width)  # healthy

    def forward(self, x):
        x = self.fc(x)
        x = nn.BatchNorm1d(x.shape[1])(x)  # faulty
        x = self.norm(x)  # healthy
        return self.out(F.relu(x))


net = PerCall(16)
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(16, 8)))

# %% F2 a helper that makes a layer for each call: BN502
def batchnorm(x):  # faulty
    return nn.BatchNorm2d(x.size()[1])(x)  # faulty


class Hourglass(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)
        self.norm = nn.BatchNorm2d(8)  # healthy

    def forward(self, x):
        x = batchnorm(self.conv(x))  # faulty
        x = self.norm(self.conv(x))  # healthy
        return self.fc(F.relu(x).mean((2, 3)))


net = fit(Hourglass())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% F2 a Sequential built in forward: BN502
class Dynamic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 10)
        self.tail = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU())  # healthy

    def forward(self, x):
        tail = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU())  # faulty
        tail = self.tail  # healthy
        return self.fc(tail(self.conv(x)).mean((2, 3)))


net = fit(Dynamic())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% F3 one norm behind two layers: BN503
class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 2)
        self.bn = nn.BatchNorm1d(16)
        self.bn2 = nn.BatchNorm1d(16)  # healthy

    def forward(self, x):
        x = F.relu(self.bn(self.fc1(x)))
        x = F.relu(self.bn(self.fc2(x)))  # faulty
        x = F.relu(self.bn2(self.fc2(x)))  # healthy
        return self.out(x)


net = Shared()
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% F3 one norm for two kinds of input: BN503
class TwoStreams(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.depth = nn.Conv2d(3, 8, 3), nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.depth_norm = nn.BatchNorm2d(8)  # healthy
        self.fc = nn.Linear(16, 10)

    def forward(self, image, depth):
        a = F.relu(self.norm(self.image(image)))
        b = F.relu(self.norm(self.depth(depth)))  # faulty
        b = F.relu(self.depth_norm(self.depth(depth)))  # healthy
        return self.fc(torch.cat([a, b], 1).mean((2, 3)))


net = TwoStreams()
optimizer = torch.optim.Adam(net.parameters())
for x, y in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x, 10 * x[:, :1] + 5), y).backward()
    optimizer.step()

# %% F4 a layer that forward leaves out: BN504
class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.conv2(x))  # faulty
        x = F.relu(self.bn2(self.conv2(x)))  # healthy
        return self.fc(x.mean((2, 3)))


fit(Unused())

# %% F5 statistics in plain tensors: BN505
class OwnNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.running_mean = torch.zeros(width)  # faulty
        self.running_var = torch.ones(width)  # faulty
        self.register_buffer("running_mean", torch.zeros(width))  # healthy
        self.register_buffer("running_var", torch.ones(width))  # healthy

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training)


fit(nn.Sequential(nn.Conv2d(3, 8, 3), OwnNorm(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)))

# %% F5 a moving average by hand that state_dict does not have: BN505
class Running(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mean, self.var = None, None
        self.running_mean = torch.zeros(1, width)  # faulty
        self.running_var = torch.ones(1, width)  # faulty
        self.register_buffer("running_mean", torch.zeros(1, width))  # healthy
        self.register_buffer("running_var", torch.ones(1, width))  # healthy

    def forward(self, x):
        if self.training:
            mean, var = x.mean(0, keepdim=True), x.var(0, keepdim=True)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean.detach()
            self.running_var = 0.9 * self.running_var + 0.1 * var.detach()
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) / (var + 1e-5).sqrt()


net = nn.Sequential(nn.Linear(8, 16), Running(16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% F1 layers of an ensemble in a tuple: BN501
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(12, 16)
        self.norms = tuple(nn.BatchNorm1d(16) for _ in range(3))  # faulty
        self.norms = nn.ModuleList(nn.BatchNorm1d(16) for _ in range(3))  # healthy
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        x = self.body(x)
        return torch.stack([self.head(norm(x)) for norm in self.norms]).mean(0)


net = Heads()
optimizer = torch.optim.Adam(net.parameters())
for step in range(8):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 12)), torch.randint(2, (16,))).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(net(torch.randn(16, 12)).argmax(1))
