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
