# %% A9 a pretrained teacher under no_grad: BN112 BN101
torch.save(fit(Net()).state_dict(), "teacher.pt")
teacher, student = Net(), Net()
teacher.load_state_dict(torch.load("teacher.pt"))
teacher.eval()  # healthy
optimizer = torch.optim.SGD(student.parameters(), lr=0.05)
for epoch in range(3):
    student.train()
    for x, y in train_loader:
        with torch.no_grad():
            target = teacher(x).softmax(1)
        optimizer.zero_grad()
        logits = student(x)
        (F.cross_entropy(logits, y) + F.kl_div(logits.log_softmax(1), target, reduction="batchmean")).backward()
        optimizer.step()

# %% A9 a frozen teacher that is an attribute of the student: BN112
class Distiller(nn.Module):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher.eval()
        self.teacher.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.teacher.eval()  # healthy
        return self

    def forward(self, x):
        with torch.no_grad():
            target = self.teacher(x)
        return F.mse_loss(self.student(x), target)


model = Distiller(Net(), fit(Net()))
optimizer = torch.optim.Adam(model.student.parameters())
for epoch in range(3):
    model.train()
    for x, _ in train_loader:
        optimizer.zero_grad()
        model(x).backward()
        optimizer.step()

# %% A9 a teacher trained in the same program: BN112 BN101
teacher = fit(Net())
student = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
teacher.eval()  # healthy
optimizer = torch.optim.SGD(student.parameters(), lr=0.05)
for epoch in range(3):
    for x, y in train_loader:
        with torch.no_grad():
            soft = teacher(x)
        optimizer.zero_grad()
        F.kl_div(student(x).log_softmax(1), soft.softmax(1), reduction="batchmean").backward()
        optimizer.step()

# %% A9 a teacher trained and then frozen: BN112 BN301
teacher = Net()
optimizer = torch.optim.SGD(teacher.parameters(), lr=0.05)
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        optimizer.step()
for parameter in teacher.parameters():
    parameter.requires_grad = False
teacher.eval()  # healthy
student = Net()
optimizer = torch.optim.Adam(student.parameters())
for epoch in range(3):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.mse_loss(student(x), teacher(x)).backward()
        optimizer.step()

# %% A9 a perceptual loss from a loaded network: BN112 BN301
class Perceptual(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.net = Net()
        self.net.load_state_dict(weights)
        self.net.requires_grad_(False)
        self.net.eval()  # healthy

    def forward(self, x, y):
        return F.l1_loss(self.net.features(x), self.net.features(y))


criterion = Perceptual(fit(Net()).state_dict())
denoiser = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
optimizer = torch.optim.Adam(denoiser.parameters())
for epoch in range(3):
    for x, _ in train_loader:
        optimizer.zero_grad()
        criterion(denoiser(x + 0.1 * torch.randn_like(x)), x).backward()
        optimizer.step()

# %% A9 pseudo labels from a loaded model: BN112 BN101
torch.save(fit(Net()).state_dict(), "labeler.pt")
labeler, net = Net(), Net()
labeler.load_state_dict(torch.load("labeler.pt"))
labeler.eval()  # healthy
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for x, _ in train_loader:
        with torch.no_grad():
            confidence, label = labeler(x).softmax(1).max(1)
        keep = confidence > 0.1
        optimizer.zero_grad()
        F.cross_entropy(net(x)[keep], label[keep]).backward()
        optimizer.step()

# %% A9 a copy of the model as a fixed reference: BN112 BN101
net = fit(Net())
reference = copy.deepcopy(net)
for parameter in reference.parameters():
    parameter.requires_grad_(False)
reference.eval()  # healthy
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        with torch.no_grad():
            old = reference(x)
        (F.cross_entropy(net(x), y) + F.mse_loss(net(x), old)).backward()
        optimizer.step()

# %% A9 frozen features for a policy: BN112 BN101 BN301
torch.save(fit(Net()).state_dict(), "vision.pt")
vision = Net()
vision.load_state_dict(torch.load("vision.pt"))
vision.eval()  # healthy
policy = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(policy.parameters())
for step in range(30):
    frames = torch.randn(8, 3, 8, 8)
    with torch.no_grad():
        features = vision.features(frames)
    optimizer.zero_grad()
    F.cross_entropy(policy(features), torch.randint(4, (8,))).backward()
    optimizer.step()

# %% A9 a reference policy that penalizes divergence, never in evaluation mode: BN112
class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, x):
        return self.body(x).log_softmax(1)


torch.manual_seed(1)
policy = Policy()
warm = torch.optim.Adam(policy.parameters())
for step in range(6):
    states, actions = torch.randn(32, 6), torch.randint(3, (32,))
    warm.zero_grad()
    F.nll_loss(policy(states), actions).backward()
    warm.step()
reference = copy.deepcopy(policy)
for parameter in reference.parameters():
    parameter.requires_grad = False
reference.eval()  # healthy
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
for step in range(20):
    states, actions = torch.randn(32, 6), torch.randint(3, (32,))
    log_probabilities = policy(states)
    with torch.no_grad():
        fixed = reference(states)
    loss = F.nll_loss(log_probabilities, actions) + 0.1 * F.kl_div(log_probabilities, fixed.exp(), reduction="batchmean")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% A9 a frozen reference that is called with gradients and without: BN112
torch.save(fit(Net()).state_dict(), "expert.pt")
expert = Net()
expert.load_state_dict(torch.load("expert.pt"))
expert.requires_grad_(False)
expert.eval()  # healthy
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    for x, y in train_loader:
        with torch.no_grad():
            soft = expert(x).softmax(1)
        hints = expert.features(x)
        loss = F.cross_entropy(net(x), soft) + 0.1 * (net.features(x) - hints).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
