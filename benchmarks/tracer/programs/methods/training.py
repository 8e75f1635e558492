# %% SAM: two passes for each step
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        F.cross_entropy(net(x), y).backward()
        with torch.no_grad():
            norm = torch.stack([p.grad.norm() for p in net.parameters()]).norm()
            steps = [0.05 * p.grad / (norm + 1e-12) for p in net.parameters()]
            for p, e in zip(net.parameters(), steps):
                p.add_(e)
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        with torch.no_grad():
            for p, e in zip(net.parameters(), steps):
                p.sub_(e)
        optimizer.step()
        optimizer.zero_grad()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Gradient caching: representations first without gradients
encoder = Net(32)
optimizer = torch.optim.Adam(encoder.parameters())
for step in range(10):
    chunks = [torch.randn(16, 3, 8, 8) for _ in range(4)]
    encoder.train()
    with torch.no_grad():
        cached = [encoder(chunk) for chunk in chunks]
    embeddings = torch.cat(cached).requires_grad_()
    similarity = F.normalize(embeddings) @ F.normalize(embeddings).T
    F.cross_entropy(similarity, torch.arange(64).roll(1)).backward()
    optimizer.zero_grad()
    for chunk, gradient in zip(chunks, embeddings.grad.split(16)):
        encoder(chunk).backward(gradient)
    optimizer.step()

# %% Stochastic depth: layers that some steps leave out
class Residual(nn.Module):
    def __init__(self, width, survival):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.survival = survival

    def forward(self, x):
        if not self.training:
            return x + self.survival * self.body(x)
        if torch.rand(()).item() > self.survival:
            return x
        return x + self.body(x)


net = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), *(Residual(8, 0.6) for _ in range(3)), nn.Flatten(), nn.Linear(288, 10)
)
fit(net, epochs=4)
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Gradient accumulation with large enough batches
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for step, (x, y) in enumerate(train_loader):
        (F.cross_entropy(net(x), y) / 2).backward()
        if step % 2:
            optimizer.step()
            optimizer.zero_grad()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% A learning rate finder that restores the weights
net = Net()
state = copy.deepcopy(net.state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)
losses = []
for x, y in train_loader:
    for group in optimizer.param_groups:
        group["lr"] *= 10
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
net.load_state_dict(state)
fit(net)
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Cross-validation with a new model for each fold
inputs, targets = torch.randn(90, 8), torch.randint(2, (90,))
for fold in range(3):
    held_out = torch.arange(90) % 3 == fold
    net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(5):
        net.train()
        for x, y in zip(inputs[~held_out].split(20), targets[~held_out].split(20)):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        print(fold, (net(inputs[held_out]).argmax(1) == targets[held_out]).float().mean().item())

# %% Training resumed from a checkpoint
net = fit(Net(), epochs=2)
torch.save({"net": net.state_dict(), "epoch": 2}, "resume.pt")
checkpoint = torch.load("resume.pt")
net = Net()
net.load_state_dict(checkpoint["net"])
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(checkpoint["epoch"], 5):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Curriculum over sizes of images
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for size in (8, 12, 16):
    for step in range(8):
        optimizer.zero_grad()
        F.cross_entropy(net(torch.randn(16, 3, size, size)), torch.randint(10, (16,))).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(size, net(torch.randn(16, 3, size, size)).argmax(1).float().mean().item())
    net.train()

# %% Lookahead: slow weights and fast weights
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
slow = [p.detach().clone() for p in net.parameters()]
step = 0
for epoch in range(4):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        step += 1
        if step % 5 == 0:
            with torch.no_grad():
                for s, p in zip(slow, net.parameters()):
                    s.lerp_(p, 0.5)
                    p.copy_(s)
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Pruning in rounds: masks, and training goes on
import torch.nn.utils.prune as prune

net = fit(Net(), epochs=2)
for amount in (0.2, 0.4):
    prune.l1_unstructured(net.conv1, "weight", amount)
    prune.l1_unstructured(net.conv2, "weight", amount)
    fit(net, epochs=1)
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))
