# %% DINO: a teacher in training mode, moved by .data
student, teacher = Net(), Net()
teacher.load_state_dict(student.state_dict())
for parameter in teacher.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3)
center = torch.zeros(1, 10)
for epoch in range(3):
    for x, _ in train_loader:
        views = [x + 0.1 * torch.randn_like(x) for _ in range(2)]
        teacher_output = teacher(torch.cat(views)).detach()
        student_output = student(torch.cat(views))
        targets = ((teacher_output - center) / 0.04).softmax(-1).chunk(2)[::-1]
        loss = -(torch.cat(targets) * (student_output / 0.1).log_softmax(-1)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            center = 0.9 * center + 0.1 * teacher_output.mean(0, keepdim=True)
            for q, k in zip(student.parameters(), teacher.parameters()):
                k.data.mul_(0.99).add_((1 - 0.99) * q.detach().data)

# %% MoCo: a momentum encoder for keys and a queue
query, key = Net(16), Net(16)
for q, k in zip(query.parameters(), key.parameters()):
    k.data.copy_(q.data)
    k.requires_grad = False
optimizer = torch.optim.SGD(query.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
queue = F.normalize(torch.randn(16, 64), dim=0)
for epoch in range(3):
    for x, _ in train_loader:
        q = F.normalize(query(x + 0.1 * torch.randn_like(x)), dim=1)
        with torch.no_grad():
            for a, b in zip(query.parameters(), key.parameters()):
                b.data = b.data * 0.999 + a.data * (1.0 - 0.999)
            k = F.normalize(key(x + 0.1 * torch.randn_like(x)), dim=1)
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue], dim=1) / 0.07
        optimizer.zero_grad()
        F.cross_entropy(logits, torch.zeros(len(x), dtype=torch.long)).backward()
        optimizer.step()
        queue = torch.cat([k.T, queue], 1)[:, :64]

# %% MoCo v3: the momentum encoder is written in place through .data
base, momentum = Net(16), Net(16)
predictor = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
for b, m in zip(base.parameters(), momentum.parameters()):
    m.data.copy_(b.data)
    m.requires_grad = False
optimizer = torch.optim.AdamW([*base.parameters(), *predictor.parameters()], lr=1e-3)
for step in range(12):
    x1, x2 = torch.randn(16, 3, 8, 8), torch.randn(16, 3, 8, 8)
    q1, q2 = predictor(base(x1)), predictor(base(x2))
    with torch.no_grad():
        for b, m in zip(base.parameters(), momentum.parameters()):
            m.data = m.data.mul_(0.99).add_(b.data, alpha=1 - 0.99)
        k1, k2 = momentum(x1), momentum(x2)
    loss = sum(
        F.cross_entropy(F.normalize(q) @ F.normalize(k).T, torch.arange(16)) for q, k in ((q1, k2), (q2, k1))
    )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% BYOL: a deep copy as target
online = nn.Sequential(Net(32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
predictor = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
target = copy.deepcopy(online)
for parameter in target.parameters():
    parameter.requires_grad = False
optimizer = torch.optim.Adam([*online.parameters(), *predictor.parameters()], lr=1e-3)
for epoch in range(3):
    for x, _ in train_loader:
        one, two = x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)
        with torch.no_grad():
            target_one, target_two = target(one), target(two)
        loss = -F.cosine_similarity(predictor(online(one)), target_two).mean()
        loss = loss - F.cosine_similarity(predictor(online(two)), target_one).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for k, q in zip(target.parameters(), online.parameters()):
            k.data.mul_(0.99).add_(q.data, alpha=0.01)

# %% SimSiam: two views through one encoder
encoder = nn.Sequential(Net(32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32, affine=False))
predictor = nn.Sequential(nn.Linear(32, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 32))
optimizer = torch.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)
for epoch in range(3):
    encoder.train(), predictor.train()
    for x, _ in train_loader:
        z1, z2 = encoder(x + 0.1 * torch.randn_like(x)), encoder(x + 0.1 * torch.randn_like(x))
        p1, p2 = predictor(z1), predictor(z2)
        loss = -(F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean()) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% Barlow Twins: a norm without parameters on the embeddings
backbone, projector = Net(32), nn.Sequential(nn.Linear(32, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
norm = nn.BatchNorm1d(32, affine=False)
optimizer = torch.optim.SGD([*backbone.parameters(), *projector.parameters()], lr=0.05)
for epoch in range(3):
    for x, _ in train_loader:
        z1, z2 = projector(backbone(x + 0.1 * torch.randn_like(x))), projector(backbone(x + 0.1 * torch.randn_like(x)))
        c = norm(z1).T @ norm(z2) / len(x)
        loss = (c.diagonal() - 1).pow(2).sum() + 0.005 * (c - torch.diag(c.diagonal())).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% SimCLR: both views in one batch, then a linear probe on frozen features
encoder = Net(32)
optimizer = torch.optim.Adam(encoder.parameters())
for epoch in range(3):
    encoder.train()
    for x, _ in train_loader:
        z = F.normalize(encoder(torch.cat([x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)])))
        similarity = (z @ z.T / 0.5).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        optimizer.zero_grad()
        F.cross_entropy(similarity, torch.arange(len(z)).roll(len(x))).backward()
        optimizer.step()
encoder.eval()
probe = nn.Linear(16, 10)
optimizer = torch.optim.SGD(probe.parameters(), lr=0.1)
for epoch in range(3):
    for x, y in train_loader:
        with torch.no_grad():
            features = encoder.features(x)
        optimizer.zero_grad()
        F.cross_entropy(probe(features), y).backward()
        optimizer.step()

# %% Metric learning: triplets in one batch
net = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(net.parameters())
for step in range(12):
    anchors, positives, negatives = torch.randn(3, 32, 12)
    out = net(torch.cat([anchors, positives, negatives]))
    a, p, n = out.chunk(3)
    optimizer.zero_grad()
    F.triplet_margin_loss(a, p, n).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print((net(torch.randn(8, 12)) - net(torch.randn(8, 12))).norm(dim=1))
