# %% Mean teacher: consistency with an average in training mode
student = Net()
teacher = copy.deepcopy(student)
for parameter in teacher.parameters():
    parameter.detach_()
optimizer = torch.optim.SGD(student.parameters(), lr=0.05)
for epoch in range(3):
    student.train(), teacher.train()
    for x, y in train_loader:
        logits = student(x + 0.1 * torch.randn_like(x))
        with torch.no_grad():
            target = teacher(x + 0.1 * torch.randn_like(x))
        loss = F.cross_entropy(logits, y) + F.mse_loss(logits.softmax(1), target.softmax(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for old, new in zip(teacher.parameters(), student.parameters()):
            old.data.mul_(0.95).add_(new.data, alpha=0.05)
    student.eval(), teacher.eval()
    with torch.no_grad():
        print(sum((student(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Knowledge distillation with a teacher in evaluation mode
teacher = fit(Net(), epochs=4)
student = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
teacher.eval()
optimizer = torch.optim.SGD(student.parameters(), lr=0.05)
for epoch in range(3):
    student.train()
    for x, y in train_loader:
        with torch.no_grad():
            soft = (teacher(x) / 4).softmax(1)
        logits = student(x)
        optimizer.zero_grad()
        (F.cross_entropy(logits, y) + 16 * F.kl_div((logits / 4).log_softmax(1), soft, reduction="batchmean")).backward()
        optimizer.step()
    student.eval()
    with torch.no_grad():
        print(sum((student(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Deep mutual learning: two students teach each other
nets = [Net(), Net()]
optimizers = [torch.optim.SGD(net.parameters(), lr=0.05) for net in nets]
for epoch in range(3):
    for x, y in train_loader:
        logits = [net(x) for net in nets]
        for i, optimizer in enumerate(optimizers):
            other = logits[1 - i].detach().softmax(1)
            loss = F.cross_entropy(logits[i], y) + F.kl_div(logits[i].log_softmax(1), other, reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

# %% FixMatch: pseudo labels by the model itself, in one step
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        weak, strong = x + 0.05 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)
        with torch.no_grad():
            confidence, label = net(weak).softmax(1).max(1)
        mask = (confidence > 0.15).float()
        loss = F.cross_entropy(net(x), y) + (F.cross_entropy(net(strong), label, reduction="none") * mask).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% Born-again networks: each generation learns from the one before
teacher = None
for generation in range(3):
    student = Net()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.05)
    for epoch in range(2):
        student.train()
        for x, y in train_loader:
            out = student(x)
            loss = F.cross_entropy(out, y)
            if teacher is not None:
                with torch.no_grad():
                    soft = teacher(x).softmax(1)
                loss = loss + F.kl_div(out.log_softmax(1), soft, reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    teacher = student.eval().requires_grad_(False)

# %% Knowledge distillation with hints: the teacher with gradients and without, in evaluation mode
teacher = fit(Net()).eval().requires_grad_(False)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        with torch.no_grad():
            soft = teacher(x).softmax(1)
        loss = F.cross_entropy(net(x), soft) + (net.features(x) - teacher.features(x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
