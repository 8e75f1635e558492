# %% B1 the width of the convolution before: BN002
class Block(nn.Module):
    def __init__(self, inplanes, planes):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes * 2, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(planes)  # faulty
        self.bn2 = nn.BatchNorm2d(planes * 2)  # healthy
        self.fc = nn.Linear(planes * 2, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(F.relu(self.bn2(self.conv2(x))).mean((2, 3)))


fit(Block(3, 8))

# %% B1 a skip connection that concatenates: BN002
class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, padding=1)
        self.up = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)  # faulty
        self.norm = nn.BatchNorm2d(16)  # healthy
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        a = self.down(x)
        x = torch.cat([a, self.up(a)], 1)
        return self.fc(F.relu(self.norm(x)).mean((2, 3)))


fit(Skip())

# %% B1 pre-activation with the width of the output: BN002
class PreActivation(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.bn = nn.BatchNorm2d(out)  # faulty
        self.bn = nn.BatchNorm2d(width)  # healthy
        self.conv = nn.Conv2d(width, out, 1)

    def forward(self, x):
        return self.conv(F.relu(self.bn(x)))


fit(nn.Sequential(nn.Conv2d(3, 8, 3), PreActivation(8, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)))

# %% B1 features counted before flattening: BN002
net = nn.Sequential(
    nn.Conv2d(3, 4, 3, padding=1),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.BatchNorm1d(4 * 8 * 8),  # faulty
    nn.BatchNorm1d(4 * 4 * 4),  # healthy
    nn.Linear(64, 10),
)
fit(net)

# %% B1 no parameters and no statistics to notice the width: BN002
net = nn.Sequential(
    nn.Linear(10, 20),
    nn.BatchNorm1d(10, affine=False, track_running_stats=False),  # faulty
    nn.BatchNorm1d(20, affine=False, track_running_stats=False),  # healthy
    nn.ReLU(),
    nn.Linear(20, 1),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(10):
    optimizer.zero_grad()
    net(torch.randn(16, 10)).square().mean().backward()
    optimizer.step()

# %% B1 the data has one column more than the norm of the inputs: BN002
table = torch.randn(80, 11)
target = torch.randn(80, 1)
net = nn.Sequential(nn.BatchNorm1d(10), nn.Linear(11, 1))  # faulty
net = nn.Sequential(nn.BatchNorm1d(table.shape[1]), nn.Linear(11, 1))  # healthy
optimizer = torch.optim.Adam(net.parameters())
for x, y in DataLoader(TensorDataset(table, target), batch_size=16):
    optimizer.zero_grad()
    F.mse_loss(net(x), y).backward()
    optimizer.step()

# %% B2 a width that fits the default alone: BN005 BN002
class Projection(nn.Module):
    def __init__(self, inputs, hidden=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.BatchNorm1d(64),  # faulty
            nn.BatchNorm1d(hidden),  # healthy
            nn.ReLU(),
            nn.Linear(hidden, 8),
        )

    def forward(self, x):
        return self.layers(x)


net = Projection(16)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(10):
    optimizer.zero_grad()
    net(torch.randn(32, 16)).square().mean().backward()
    optimizer.step()

# %% B3 BatchNorm1d behind a convolution: BN003
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm1d(8),  # faulty
    nn.BatchNorm2d(8),  # healthy
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)

# %% B3 BatchNorm2d after flattening: BN003
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(288)  # faulty
        self.norm = nn.BatchNorm1d(288)  # healthy
        self.fc = nn.Linear(288, 10)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x).flatten(1)))


fit(Classifier())

# %% B3 a video network with layers for images: BN003
net = nn.Sequential(
    nn.Conv3d(1, 4, 3, padding=1),
    nn.BatchNorm2d(4),  # faulty
    nn.BatchNorm3d(4),  # healthy
    nn.ReLU(),
    nn.AdaptiveAvgPool3d(1),
    nn.Flatten(),
    nn.Linear(4, 2),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(4):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(4, 1, 4, 6, 6)), torch.randint(2, (4,))).backward()
    optimizer.step()

# %% B3 an attribute that is assigned twice: BN003
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 8)
        self.bn = nn.BatchNorm1d(8)  # faulty
        self.bn_fc = nn.BatchNorm1d(8)  # healthy
        self.out = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x))).mean((2, 3))
        return self.out(F.relu(self.bn(self.fc(x))))  # faulty
        return self.out(F.relu(self.bn_fc(self.fc(x))))  # healthy


fit(Mixed())

# %% B4 nn.BatchNorm does not exist: BN001
net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm(8),  # faulty
    nn.BatchNorm2d(8),  # healthy
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(288, 10),
)
fit(net)

# %% B4 a keyword of GroupNorm: BN001
class Named(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(num_channels=width)  # faulty
        self.norm = nn.BatchNorm2d(num_features=width)  # healthy
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(F.relu(self.norm(self.conv(x))).mean((2, 3)))


fit(Named(8))

# %% B4 epsilon as Keras calls it: BN001
layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, epsilon=1e-3)]  # faulty
layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, eps=1e-3)]  # healthy
fit(nn.Sequential(*layers, nn.Flatten(), nn.Linear(288, 10)))

# %% B5 an LSTM in front of BatchNorm: BN004 BN002
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 16, batch_first=True)
        self.bn = nn.BatchNorm1d(16)
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        x, _ = self.lstm(x)
        x = self.bn(x)  # faulty
        x = self.bn(x.transpose(1, 2)).transpose(1, 2)  # healthy
        return self.out(x[:, -1])


net = Recurrent()
optimizer = torch.optim.Adam(net.parameters())
for step in range(20):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(8, 16, 6)), torch.randint(2, (8,))).backward()
    optimizer.step()

# %% B5 a GRU whose length is not its width: BN004 BN002
class Recognizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 12, batch_first=True)
        self.bn = nn.BatchNorm1d(12)
        self.out = nn.Linear(12, 2)

    def forward(self, x):
        x, _ = self.gru(x)
        x = self.bn(x)  # faulty
        x = self.bn(x.transpose(1, 2)).transpose(1, 2)  # healthy
        return self.out(x[:, -1])


net = Recognizer()
optimizer = torch.optim.Adam(net.parameters())
for step in range(10):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(8, 20, 6)), torch.randint(2, (8,))).backward()
    optimizer.step()

# %% B5 tokens through a linear layer: BN004 BN002
class Mixer(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.fc, self.norm, self.out = nn.Linear(width, width), nn.BatchNorm1d(width), nn.Linear(width, 2)

    def forward(self, x):
        x = self.fc(x)
        x = self.norm(x)  # faulty
        x = self.norm(x.flatten(0, 1)).view_as(x)  # healthy
        return self.out(F.relu(x).mean(1))


net = Mixer(8, 8)
optimizer = torch.optim.Adam(net.parameters())
for step in range(10):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% B5 images whose channels are last: BN002 BN004
images = torch.rand(32, 8, 8, 3)
net = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, 10))
optimizer = torch.optim.Adam(net.parameters())
for x in images.split(8):
    x = x.permute(0, 3, 1, 2)  # healthy
    optimizer.zero_grad()
    F.cross_entropy(net(x), torch.randint(10, (8,))).backward()
    optimizer.step()

# %% B5 self-attention with a norm over the sequence: BN004 BN002
class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm = nn.BatchNorm1d(width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        x = x + self.attention(x, x, x)[0]
        x = self.norm(x)  # faulty
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)  # healthy
        return self.out(x.mean(1))


net = Attention(8)
optimizer = torch.optim.Adam(net.parameters())
for step in range(10):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(16, 8, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()

# %% B6 one image without a batch: BN003
net = fit(nn.Sequential(nn.Conv2d(3, 10, 3), nn.BatchNorm2d(10), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(-3)))
net.eval()
image, _ = test_set[0]
with torch.no_grad():
    print(net(image))  # faulty
    print(net(image[None]))  # healthy

# %% B7 a width that is a float: BN006
class Half(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width // 2, 3)
        self.bn = nn.BatchNorm2d(width / 2)  # faulty
        self.bn = nn.BatchNorm2d(width // 2)  # healthy
        self.fc = nn.Linear(width // 2, 10)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.conv(x))).mean((2, 3)))


fit(Half(16))

# %% B7 a shape in place of a width: BN006 BN002
class Lazy(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.norm = nn.BatchNorm2d(shape)  # faulty
        self.norm = nn.BatchNorm2d(shape[0])  # healthy
        self.fc = nn.Linear(shape[0], 10)

    def forward(self, x):
        return self.fc(self.norm(x).mean((2, 3)))


fit(Lazy((3, 8, 8)))

# %% B1 a U-Net decoder that forgets the skip connection: BN002
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, padding=1)
        self.bottom = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.norm = nn.BatchNorm2d(8)  # faulty
        self.norm = nn.BatchNorm2d(16)  # healthy
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        skip = F.relu(self.down(x))
        x = self.up(F.relu(self.bottom(skip)))
        return self.out(self.norm(torch.cat([skip, x], 1)))


print(UNet()(torch.randn(4, 3, 16, 16)).shape)

# %% B5 a transformer encoder with BatchNorm1d on batch, length, width: BN004 BN002
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        x = self.attention(x)
        x = self.norm(x)  # faulty
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)  # healthy
        return self.head(x.mean(1))


net = Encoder()
optimizer = torch.optim.Adam(net.parameters())
for step in range(6):
    optimizer.zero_grad()
    F.cross_entropy(net(torch.randn(8, 16, 16)), torch.randint(2, (8,))).backward()
    optimizer.step()
