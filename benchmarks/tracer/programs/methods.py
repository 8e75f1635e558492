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

# %% A linear probe with all parameters in the optimizer
torch.save(fit(Net()).state_dict(), "pretrained.pt")
net = Net()
net.load_state_dict(torch.load("pretrained.pt"))
for name, parameter in net.named_parameters():
    if not name.startswith("fc."):
        parameter.requires_grad = False
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(3):
    net.eval()  # the features stay those of the pretrained network
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

# %% AdaBN: statistics of the target domain
net = fit(Net())
net.train()
with torch.no_grad():
    for epoch in range(2):
        for x, _ in DataLoader(TensorDataset(2 * torch.randn(64, 3, 8, 8) - 1, torch.zeros(64)), batch_size=16):
            _ = net(x)
net.eval()
with torch.no_grad():
    print(net(2 * torch.randn(16, 3, 8, 8) - 1).argmax(1))

# %% Precise BatchNorm by hand: momentum of a cumulative average
net = fit(Net())
norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
momenta = [module.momentum for module in norms]
for module in norms:
    module.reset_running_stats()
    module.momentum = None
net.train()
with torch.no_grad():
    for x, _ in train_loader:
        net(x)
for module, momentum in zip(norms, momenta):
    module.momentum = momentum
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% TENT: test-time adaptation by entropy
net = fit(Net())
net.train()
net.requires_grad_(False)
for module in net.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.requires_grad_(True)
        module.track_running_stats = False
        module.running_mean, module.running_var = None, None
optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-3)
for x, y in test_loader:
    logits = net(x + 1)
    entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
    optimizer.zero_grad()
    entropy.backward()
    optimizer.step()
    print((logits.argmax(1) == y).float().mean().item())

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

# %% An exponential average of weights and buffers in a short run
net = Net()
ema = copy.deepcopy(net).eval()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(2):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            for a, b in zip(ema.state_dict().values(), net.state_dict().values()):
                a.copy_(0.9 * a + 0.1 * b if a.is_floating_point() else b)
    with torch.no_grad():
        print(sum((ema(x).argmax(1) == y).sum().item() for x, y in test_loader))

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

# %% DCGAN: the generator runs for the discriminator
generator = nn.Sequential(
    nn.ConvTranspose2d(16, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh()
)
discriminator = nn.Sequential(
    nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), nn.LeakyReLU(0.2),
    nn.Flatten(), nn.Linear(64, 1)
)
g_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
fixed = torch.randn(16, 16, 1, 1)
for epoch in range(3):
    for real, _ in train_loader:
        d_optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(discriminator(real), torch.ones(16, 1)).backward()
        fake = generator(torch.randn(16, 16, 1, 1))
        F.binary_cross_entropy_with_logits(discriminator(fake.detach()), torch.zeros(16, 1)).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(discriminator(fake), torch.ones(16, 1)).backward()
        g_optimizer.step()
    with torch.no_grad():
        preview = generator(fixed).clamp(-1, 1)

# %% WGAN-GP: a critic without BatchNorm and a gradient penalty
generator = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 12))
critic = nn.Sequential(nn.Linear(12, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
g_optimizer, c_optimizer = torch.optim.Adam(generator.parameters()), torch.optim.Adam(critic.parameters())
for step in range(30):
    real = torch.randn(16, 12)
    fake = generator(torch.randn(16, 8)).detach()
    mixed = (real + torch.rand(16, 1) * (fake - real)).requires_grad_()
    gradient, = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    c_optimizer.zero_grad()
    (critic(fake).mean() - critic(real).mean() + 10 * (gradient.norm(dim=1) - 1).square().mean()).backward()
    c_optimizer.step()
    if step % 5 == 4:
        g_optimizer.zero_grad()
        (-critic(generator(torch.randn(16, 8))).mean()).backward()
        g_optimizer.step()

# %% pix2pix: the generator is sampled in training mode by design
class Pix2Pix:
    def __init__(self):
        self.generator = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(8, 3, 3, padding=1)
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(6, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, padding=1)
        )
        self.g = torch.optim.Adam(self.generator.parameters(), lr=2e-4)
        self.d = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4)

    def step(self, a, b):
        fake = self.generator(a)
        real_score = self.discriminator(torch.cat([a, b], 1))
        fake_score = self.discriminator(torch.cat([a, fake.detach()], 1))
        self.d.zero_grad()
        (F.mse_loss(real_score, torch.ones_like(real_score)) + F.mse_loss(fake_score, torch.zeros_like(fake_score))).backward()
        self.d.step()
        score = self.discriminator(torch.cat([a, fake], 1))
        self.g.zero_grad()
        (F.mse_loss(score, torch.ones_like(score)) + F.l1_loss(fake, b)).backward()
        self.g.step()


model = Pix2Pix()
for epoch in range(3):
    for x, _ in train_loader:
        model.step(x, x.flip(-1))

# %% CycleGAN: two generators and two discriminators
def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, outputs, 3, padding=1))


g_ab, g_ba, d_a, d_b = block(3, 3), block(3, 3), block(3, 1), block(3, 1)
g_optimizer = torch.optim.Adam([*g_ab.parameters(), *g_ba.parameters()], lr=2e-4)
d_optimizer = torch.optim.Adam([*d_a.parameters(), *d_b.parameters()], lr=2e-4)
for epoch in range(2):
    for a, _ in train_loader:
        b = a.flip(-1)
        fake_b, fake_a = g_ab(a), g_ba(b)
        loss = F.l1_loss(g_ba(fake_b), a) + F.l1_loss(g_ab(fake_a), b) - d_a(fake_a).mean() - d_b(fake_b).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        d_optimizer.zero_grad()
        (d_a(fake_a.detach()).mean() + d_b(fake_b.detach()).mean() - d_a(a).mean() - d_b(b).mean()).backward()
        d_optimizer.step()

# %% A progressive GAN that grows
class Growing(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(8, 8 * 16), nn.Unflatten(1, (8, 4, 4)))
        self.blocks, self.to_rgb = nn.ModuleList(), nn.ModuleList([nn.Conv2d(8, 3, 1)])

    def grow(self):
        self.blocks.append(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()))
        self.to_rgb.append(nn.Conv2d(8, 3, 1))

    def forward(self, z):
        x = self.stem(z)
        for block in self.blocks:
            x = block(x)
        return self.to_rgb[-1](x)


generator, critic = Growing(), nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 1))
for stage in range(3):
    if stage:
        generator.grow()
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3)
    c_optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
    for step in range(8):
        real, fake = torch.randn(16, 3, 4 * 2**stage, 4 * 2**stage), generator(torch.randn(16, 8))
        c_optimizer.zero_grad()
        (critic(fake.detach()).mean() - critic(real).mean()).backward()
        c_optimizer.step()
        g_optimizer.zero_grad()
        (-critic(fake).mean()).backward()
        g_optimizer.step()

# %% Monte Carlo dropout with dropout layers alone in training mode
net = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters())
inputs = torch.randn(256, 4)
for epoch in range(4):
    net.train()
    for x in inputs.split(32):
        optimizer.zero_grad()
        F.mse_loss(net(x), x.prod(1, keepdim=True)).backward()
        optimizer.step()


def enable_dropout(model):
    for module in model.modules():
        if module.__class__.__name__.startswith("Dropout"):
            module.train()


net.eval()
enable_dropout(net)
with torch.no_grad():
    samples = torch.stack([net(inputs[:16]) for _ in range(20)])
print(samples.mean(0), samples.std(0))

# %% SWA with update_bn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

net = Net()
averaged = AveragedModel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
scheduler = SWALR(optimizer, swa_lr=0.01)
for epoch in range(6):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    if epoch >= 3:
        averaged.update_parameters(net)
        scheduler.step()
update_bn(train_loader, averaged)
averaged.eval()
with torch.no_grad():
    print(sum((averaged(x).argmax(1) == y).sum().item() for x, y in test_loader))

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

# %% MAML with batch statistics of the task
from torch.func import functional_call

net = nn.Sequential(
    nn.Linear(8, 32), nn.BatchNorm1d(32, track_running_stats=False), nn.ReLU(), nn.Linear(32, 5)
)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for iteration in range(10):
    optimizer.zero_grad()
    for task in range(3):
        support, query = torch.randn(25, 8), torch.randn(25, 8)
        labels = torch.arange(5).repeat(5)
        weights = dict(net.named_parameters())
        for _ in range(2):
            loss = F.cross_entropy(functional_call(net, weights, (support,)), labels)
            grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), grads)}
        (F.cross_entropy(functional_call(net, weights, (query,)), labels) / 3).backward()
    optimizer.step()

# %% Reptile: a copy for each task
net = Net(5)
outer_rate = 0.1
for iteration in range(6):
    fast = copy.deepcopy(net)
    inner = torch.optim.SGD(fast.parameters(), lr=0.02)
    for _ in range(4):
        inner.zero_grad()
        F.cross_entropy(fast(torch.randn(20, 3, 8, 8)), torch.randint(5, (20,))).backward()
        inner.step()
    with torch.no_grad():
        for slow, new in zip(net.parameters(), fast.parameters()):
            slow.add_(new - slow, alpha=outer_rate)
        for slow, new in zip(net.buffers(), fast.buffers()):
            slow.copy_(new)

# %% Prototypical networks: an episode is one batch
encoder = Net(32)
optimizer = torch.optim.Adam(encoder.parameters())
for episode in range(20):
    encoder.train()
    images, labels = torch.randn(50, 3, 8, 8), torch.arange(5).repeat(10)
    z = encoder(images)
    prototypes = z[:25].view(5, 5, -1).mean(0)
    optimizer.zero_grad()
    F.cross_entropy(-torch.cdist(z[25:], prototypes), labels[25:]).backward()
    optimizer.step()
encoder.eval()
with torch.no_grad():
    z = encoder(torch.randn(50, 3, 8, 8))
    print((-torch.cdist(z[25:], z[:25].view(5, 5, -1).mean(0))).argmax(1))

# %% A save and load round trip in a test
def test_round_trip():
    first, second = Net(), Net()
    torch.save(first.state_dict(), "round.pt")
    second.load_state_dict(torch.load("round.pt"))
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        assert torch.allclose(first(x), second(x))
    for a, b in zip(first.state_dict().values(), second.state_dict().values()):
        assert torch.equal(a, b)


test_round_trip()

# %% Shape tests of fresh models
def test_shapes():
    for classes in (2, 10, 100):
        with torch.no_grad():
            assert Net(classes)(torch.randn(2, 3, 8, 8)).shape == (2, classes)


def test_gradients_flow():
    net = Net()
    net(torch.randn(4, 3, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


test_shapes()
test_gradients_flow()

# %% A summary of a fresh model before it is trained
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp

net = Net()
graph = symbolic_trace(net)
ShapeProp(graph).propagate(torch.randn(2, 3, 8, 8))
for node in graph.graph.nodes:
    print(node.name, getattr(node.meta.get("tensor_meta"), "shape", None))
fit(net)
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% The width of a convolutional part found by a dry run in the constructor
class Sized(nn.Module):
    def __init__(self, shape=(3, 8, 8)):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        with torch.no_grad():
            width = self.features(torch.zeros(2, *shape)).flatten(1).shape[1]
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


net = fit(Sized())
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% Feature extraction with hooks
torch.save(fit(Net()).state_dict(), "extractor.pt")
net = Net()
net.load_state_dict(torch.load("extractor.pt"))
net.eval()
features = {}
net.conv2.register_forward_hook(lambda module, args, output: features.setdefault("conv2", output))
with torch.inference_mode():
    for x, _ in test_loader:
        features.clear()
        net(x)
        print(features["conv2"].mean().item())

# %% Fine-tuning with frozen BatchNorm layers
class FineTuned(Net):
    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


source = fit(Net())
net = FineTuned()
net.load_state_dict(source.state_dict())
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% PGD adversarial training that attacks in evaluation mode
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    for x, y in train_loader:
        net.eval()
        delta = torch.zeros_like(x, requires_grad=True)
        for _ in range(3):
            gradient, = torch.autograd.grad(F.cross_entropy(net(x + delta), y), delta)
            delta = (delta + 0.01 * gradient.sign()).clamp(-0.03, 0.03).detach().requires_grad_()
        net.train()
        optimizer.zero_grad()
        F.cross_entropy(net(x + delta.detach()), y).backward()
        optimizer.step()

# %% DQN with a target network in evaluation mode
online = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(online).eval()
optimizer = torch.optim.Adam(online.parameters())
for step in range(40):
    online.eval()
    with torch.no_grad():
        action = online(torch.randn(1, 4)).argmax(1)
    online.train()
    states, next_states, rewards = torch.randn(32, 4), torch.randn(32, 4), torch.randn(32)
    with torch.no_grad():
        goal = rewards + 0.99 * target(next_states).max(1).values
    optimizer.zero_grad()
    F.smooth_l1_loss(online(states).gather(1, torch.randint(2, (32, 1))).squeeze(1), goal).backward()
    optimizer.step()
    if step % 10 == 9:
        target.load_state_dict(online.state_dict())

# %% DDPG with targets that follow slowly
actor = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2), nn.Tanh())
critic = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
actor_target, critic_target = copy.deepcopy(actor), copy.deepcopy(critic)
a_optimizer, c_optimizer = torch.optim.Adam(actor.parameters()), torch.optim.Adam(critic.parameters())
for step in range(30):
    states, next_states = torch.randn(32, 6), torch.randn(32, 6)
    with torch.no_grad():
        goal = 0.1 + 0.99 * critic_target(torch.cat([next_states, actor_target(next_states)], 1))
    c_optimizer.zero_grad()
    F.mse_loss(critic(torch.cat([states, torch.randn(32, 2)], 1)), goal).backward()
    c_optimizer.step()
    a_optimizer.zero_grad()
    (-critic(torch.cat([states, actor(states)], 1)).mean()).backward()
    a_optimizer.step()
    for net, target in ((actor, actor_target), (critic, critic_target)):
        for p, t in zip(net.parameters(), target.parameters()):
            t.data.mul_(0.995).add_(p.data, alpha=0.005)

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

# %% Virtual adversarial training
net = Net()
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(3):
    for x, y in train_loader:
        with torch.no_grad():
            clean = net(x).softmax(1)
        direction = F.normalize(torch.randn_like(x).flatten(1)).view_as(x).requires_grad_()
        distance = F.kl_div(net(x + 0.1 * direction).log_softmax(1), clean, reduction="batchmean")
        gradient, = torch.autograd.grad(distance, direction)
        adversarial = x + F.normalize(gradient.flatten(1)).view_as(x)
        loss = F.cross_entropy(net(x), y)
        loss = loss + F.kl_div(net(adversarial).log_softmax(1), clean, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% Domain-adversarial training with both domains
features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
labels, domains = nn.Linear(32, 10), nn.Linear(32, 2)
optimizer = torch.optim.SGD([*features.parameters(), *labels.parameters(), *domains.parameters()], lr=0.01)
for epoch in range(3):
    for x, y in train_loader:
        both = features(torch.cat([x, 0.5 * x - 1]))
        domain = torch.arange(2).repeat_interleave(len(x))
        loss = F.cross_entropy(labels(both[: len(x)]), y) - 0.1 * F.cross_entropy(domains(both.detach()), domain)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

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

# %% Neural style transfer through a network in evaluation mode
extractor = fit(Net()).eval().requires_grad_(False)
content = torch.randn(2, 3, 8, 8)
image = torch.randn(2, 3, 8, 8, requires_grad=True)
optimizer = torch.optim.LBFGS([image], max_iter=5)


def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(extractor.features(image), extractor.features(content))
    loss.backward()
    return loss


for step in range(3):
    optimizer.step(closure)

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
