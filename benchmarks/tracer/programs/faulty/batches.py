# %% C1 a loader with a batch of one: BN201 BN203
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
data = TensorDataset(torch.randn(32, 8), torch.randint(2, (32,)))
loader = DataLoader(data, batch_size=1, shuffle=True)  # faulty
loader = DataLoader(data, batch_size=16, shuffle=True)  # healthy
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C1 images one by one: BN203 BN201
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for x, y in DataLoader(train_set, batch_size=1, shuffle=True):  # faulty
for x, y in DataLoader(train_set, batch_size=16, shuffle=True):  # healthy
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C1 a single sample while training: BN201
net = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters())
state = torch.randn(1, 4)  # faulty
state = torch.randn(32, 4)  # healthy
for step in range(5):
    optimizer.zero_grad()
    net(state).square().mean().backward()
    optimizer.step()

# %% C2 the last batch has one sample: BN202 BN201
data = TensorDataset(torch.randn(33, 8), torch.randint(2, (33,)))
loader = DataLoader(data, batch_size=16, shuffle=True)  # faulty
loader = DataLoader(data, batch_size=16, shuffle=True, drop_last=True)  # healthy
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(2):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% C2 batches by hand with one sample left: BN201 BN202
x, y = torch.randn(41, 6), torch.randn(41, 1)
net = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 1))
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(2):
    for start in range(0, len(x), 8):
        if len(x) - start < 2:  # healthy
            break  # healthy
        optimizer.zero_grad()
        F.mse_loss(net(x[start : start + 8]), y[start : start + 8]).backward()
        optimizer.step()

# %% C2 a data set of its own whose length leaves one: BN202 BN201
class Points(torch.utils.data.Dataset):
    def __len__(self):
        return 65

    def __getitem__(self, index):
        return torch.randn(8), index % 2


net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters())
for x, y in DataLoader(Points(), batch_size=32):  # faulty
for x, y in DataLoader(Points(), batch_size=32, drop_last=True):  # healthy
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C3 image pooling with small batches: BN204 BN201 BN203
class Pooling(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU())  # faulty
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.ReLU())  # healthy
        self.out = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.out(torch.cat([x, self.pool(x).expand_as(x)], 1))


net = Pooling()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for x, _ in DataLoader(train_set, batch_size=4, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(net(x), torch.randint(4, (4, 8, 8))).backward()
    optimizer.step()

# %% C3 squeeze-and-excitation with BatchNorm and a batch of two: BN204 BN203 BN201
class Gate(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Conv2d(width, width, 1)
        self.norm = nn.BatchNorm2d(width)  # faulty
        self.norm = nn.Identity()  # healthy

    def forward(self, x):
        return x * torch.sigmoid(self.norm(self.fc(x.mean((2, 3), keepdim=True))))


net = nn.Sequential(nn.Conv2d(3, 8, 3), Gate(8), nn.Flatten(), nn.Linear(288, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for x, y in DataLoader(train_set, batch_size=2, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C4 vectors in batches of two: BN203
net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(20):
    x, y = torch.randn(2, 8), torch.randint(2, (2,))  # faulty
    x, y = torch.randn(32, 8), torch.randint(2, (32,))  # healthy
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C4 one image per step of a segmentation network: BN203
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return F.interpolate(self.out(self.middle(self.down(x))), scale_factor=4)


net = Segmenter()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
images = TensorDataset(torch.randn(16, 3, 16, 16), torch.randint(2, (16, 16, 16)))
for x, y in DataLoader(images, batch_size=1, shuffle=True):  # faulty
for x, y in DataLoader(images, batch_size=8, shuffle=True):  # healthy
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()

# %% C5 gradients of tiny batches added up: BN205 BN203
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loader = DataLoader(train_set, batch_size=2, shuffle=True)  # faulty
loader = DataLoader(train_set, batch_size=16, shuffle=True)  # healthy
for epoch in range(2):
    for step, (x, y) in enumerate(loader):
        (F.cross_entropy(net(x), y) / 4).backward()
        if step % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()

# %% C3 an ASPP branch that pools the image, trained with two images: BN204 BN203 BN201
class Aspp(nn.Module):
    def __init__(self):
        super().__init__()
        self.local = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        whole = F.interpolate(self.whole(x), size=x.shape[2:], mode="nearest")
        return self.out(torch.cat([self.local(x), whole], 1))


net = Aspp()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
pictures = TensorDataset(torch.randn(32, 3, 12, 12), torch.randint(2, (32, 12, 12)))
for epoch in range(2):
    for x, y in DataLoader(pictures, batch_size=2, shuffle=True):  # faulty
    for x, y in DataLoader(pictures, batch_size=16, shuffle=True):  # healthy
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% C4 a projector of vectors that sees pairs: BN203 BN204
class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, x):
        return self.layers(x)


net = Projector()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
samples = torch.randn(64, 10)
for part in samples.split(2):  # faulty
for part in samples.split(16):  # healthy
    optimizer.zero_grad()
    net(part).square().mean().backward()
    optimizer.step()
